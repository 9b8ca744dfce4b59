// Package netip stands in for net/netip, by which net/url finds out whether what
// stands between brackets in a host is an address of IPv6: the browser has looked
// at those of a page already.
package netip

import "strings"

type Addr struct{ is4 bool }

func ParseAddr(s string) (Addr, error) { return Addr{is4: !strings.Contains(s, ":")}, nil }

func (a Addr) Is4() bool { return a.is4 }
