// Package driver stands in for database/sql/driver.
package driver

type Value any
