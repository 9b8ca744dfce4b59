package limit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the reverse proxies whose X-Forwarded-For counts. The zero value is none.
type Proxies []netip.Prefix

// ParseProxies reads a list of addresses and networks, separated by commas,
// as in "127.0.0.1, 10.0.0.0/8".
func ParseProxies(list string) (Proxies, error) {
	var proxies Proxies
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", item)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if bits := prefix.Bits() - 96; prefix.Addr().Is4In6() && bits >= 0 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), bits) // as addresses are compared
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// Has reports whether addr is one of the proxies.
func (p Proxies) Has(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr.WithZone("")) {
			return true
		}
	}
	return false
}

// Client returns the address that a request comes from: the other end of its connection
// or, if that is one of the proxies, the last address in X-Forwarded-For that is none of
// them. Anybody can have written the addresses before that.
func (p Proxies) Client(r *http.Request) netip.Addr {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.Has(client); i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break // a proxy has written something else: then the proxy counts
		}
		client = hop
	}
	return client
}

// parseAddr reads an address with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	if addrPort, err := netip.ParseAddrPort(s); err == nil {
		return addrPort.Addr().Unmap(), true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return addr.Unmap(), err == nil
}
