//go:build !unix

package main

// defaultConnections is no limit: the system has none on open files.
func defaultConnections() int { return 0 }
