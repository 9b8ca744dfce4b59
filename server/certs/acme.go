package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/net/idna"
)

// Options say for what, and from whom, a certificate is got.
type Options struct {
	// Names are those that people type, as [ParseNames] returns them.
	Names []string
	// CA is the address of the directory of who issues certificates; empty for Let's
	// Encrypt. To use it is to agree to its terms.
	CA string
	// Email is where the CA writes if something is wrong; may be empty.
	Email string
	// Folder keeps the certificates, their keys and the account.
	Folder string
	// HTTP and HTTPS are where the server listens for challenges.
	HTTP, HTTPS net.Addr
	Log         *slog.Logger

	renewCheck time.Duration  // how often it is looked whether to renew; 0 for the library's
	roots      *x509.CertPool // by which the CA's address is proven; nil for the system's
}

// ACME gets certificates from a CA, and renews them before they end.
type ACME struct {
	names  []string
	log    *slog.Logger
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
}

// NewACME prepares to get certificates. Nothing is asked for until Manage. The caller calls
// Close.
func NewACME(o Options) *ACME {
	a := &ACME{names: o.Names, log: o.Log}
	logger := zapTo(o.Log)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		RenewCheckInterval: o.renewCheck,
		Logger:             logger,
	})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Folder}, Logger: logger, OnEvent: a.happened,
		DefaultServerName: o.Names[0], // for clients that do not say whom they ask
	})
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: o.CA, Email: o.Email, Agreed: true, Logger: logger,
		ListenHost: host(o.HTTPS), AltHTTPPort: port(o.HTTP), AltTLSALPNPort: port(o.HTTPS),
		DisableHTTPChallenge: o.HTTP == nil, TrustedRoots: o.roots,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	return a
}

func host(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return ""
	}
	return host
}

func port(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// Manage gets the certificates that are missing, and renews them, until ctx ends. It returns
// at once: what fails is tried again, at first after a minute.
func (a *ACME) Manage(ctx context.Context) error { return a.config.ManageAsync(ctx, a.names) }

// Close ends renewing.
func (a *ACME) Close() { a.cache.Stop() }

// TLS returns how to serve with the certificates.
func (a *ACME) TLS() *tls.Config {
	c := a.config.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append(slices.Clone(protocols), c.NextProtos...)
	return c
}

// Challenges answers the CA's questions by HTTP (RFC 8555, section 8.3), and passes on all
// else.
func (a *ACME) Challenges(next http.Handler) http.Handler { return a.issuer.HTTPChallengeHandler(next) }

// happened logs what has become of a certificate.
func (a *ACME) happened(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		a.log.Info("a certificate was issued", "name", name)
	case "cert_failed":
		err, _ := data["error"].(error)
		if renewal, _ := data["renewal"].(bool); renewal {
			left, _ := data["remaining"].(time.Duration)
			a.log.Warn("the certificate is not renewed; the last one is served, and it is tried again", "name", name, "ends_in", left.Round(time.Second), "err", err)
		} else {
			a.log.Warn("no certificate is issued, so browsers cannot open the page; it is tried again", "name", name, "err", err)
		}
	}
	return nil
}

// dnsName are the names that a CA can look for.
var dnsName = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseNames returns the names in a list with commas as certificates have them. The error
// says what a CA would refuse.
func ParseNames(list string) (names []string, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSuffix(strings.TrimSpace(name), ".")
		ascii, err := dnsName.ToASCII(name)
		switch {
		case name == "":
			return nil, errors.New("a name is missing")
		case strings.HasPrefix(name, "*."):
			return nil, fmt.Errorf("%q is for many names; name each of them", name)
		case net.ParseIP(name) != nil || err != nil || !strings.Contains(ascii, "."):
			return nil, fmt.Errorf("%q is no name of the public internet, such as here.example.org", name)
		case slices.Contains(names, ascii):
			return nil, fmt.Errorf("%q is there twice", name)
		}
		if _, err := strconv.Atoi(ascii[strings.LastIndexByte(ascii, '.')+1:]); err == nil {
			return nil, fmt.Errorf("%q is no name", name)
		}
		names = append(names, ascii)
	}
	return names, nil
}
