// Package origin decides under which host names a server answers and which web pages may
// connect to it, so that no other site can act through a visitor's browser (cross-site
// WebSockets, DNS rebinding).
package origin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"rollcall/server/refusal"
)

// Policy has the names under which a server answers. Safe for concurrent use.
type Policy struct {
	public   *url.URL // nil without a public address
	hostname string   // this machine's, in lower case; may be empty
}

// New returns the policy of a server that people reach at publicURL, which is a scheme
// and a host, such as https://here.example.org. If it is empty, people reach the server
// by localhost, an IP address, hostname (this machine's name) or a name under .local:
// no other site can have such a name point at the server.
func New(publicURL, hostname string) (*Policy, error) {
	p := &Policy{hostname: strings.ToLower(hostname)}
	if publicURL == "" {
		return p, nil
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no web address; give scheme and host, as in https://here.example.org", publicURL)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q has more than scheme and host; Rollcall is served from the root of a host", publicURL)
	}
	// As browsers write it in Host and Origin.
	ascii, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil && net.ParseIP(u.Hostname()) == nil {
		return nil, fmt.Errorf("%q is no name that a host can have: %w", u.Hostname(), err)
	}
	if err == nil {
		u.Host = strings.Replace(u.Host, u.Hostname(), ascii, 1)
	}
	p.public = u
	return p, nil
}

// Secure reports whether people reach the server by https.
func (p *Policy) Secure() bool { return p.public != nil && p.public.Scheme == "https" }

// Guard refuses requests for hosts that are not this server, before next sees
// them.
func (p *Policy) Guard(refused refusal.Observer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.allowHost(r.Host) {
			refused.Answer(w, refusal.Error{Reason: refusal.UnknownHost})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Base returns scheme and host under which people reach the server that gets
// r, without a slash at the end. What r says of it must have passed Guard.
func (p *Policy) Base(r *http.Request) string {
	if p.public != nil {
		return p.public.Scheme + "://" + p.public.Host
	}
	return "http://" + r.Host
}

// maxHost is the longest host and port: a name has at most 253 characters
// (RFC 1035, section 2.3.4, as it is written), a colon and five digits follow.
const maxHost = 253 + 6

func (p *Policy) allowHost(hostport string) bool {
	if len(hostport) > maxHost {
		return false // a QR code of it would cost too much
	}
	// It has to be a host and a port alone, since it becomes a part of addresses.
	if u, err := url.Parse("http://" + hostport); err != nil || u.Host != hostport {
		return false
	}
	host := hostOf(hostport)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true // RFC 6761, section 6.3: always loopback
	}
	addr, err := netip.ParseAddr(host)
	isIP := err == nil
	if p.public != nil {
		return host == hostOf(p.public.Host) || isIP && addr.IsLoopback()
	}
	return isIP || strings.HasSuffix(host, ".local") || host != "" && host == p.hostname
}

// AllowOrigin reports whether a page of this server sends r, or a client that is no
// browser: those send no Origin.
func (p *Policy) AllowOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" {
		return false // also "null", which a sandboxed frame or a file sends
	}
	if p.public != nil && u.Scheme == p.public.Scheme && sameHost(u, p.public) {
		return true
	}
	// The scheme matters: a page at https://localhost:8080 is of another program.
	return u.Scheme == "http" && strings.EqualFold(u.Host, r.Host) && p.allowHost(r.Host) && !p.IsPublic(r.Host)
}

// IsPublic reports whether a host, with or without a port, is that of the public address.
func (p *Policy) IsPublic(host string) bool {
	return p.public != nil && hostOf(host) == hostOf(p.public.Host)
}

func sameHost(a, b *url.URL) bool {
	return hostOf(a.Host) == hostOf(b.Host) && port(a) == port(b)
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Port()
}

// hostOf returns the host of a Host header in lower case, without the port, the brackets
// and the dot at the end of a fully qualified name.
func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
