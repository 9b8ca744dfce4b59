// Package testca runs a real ACME server, Pebble, and a DNS for it, for tests.
package testca

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// CA issues certificates for all names of which it finds the server that asks at 127.0.0.1.
type CA struct {
	server *httptest.Server
	dns    *challtestsrv.ChallSrv
	store  *db.MemoryStore
	root   *x509.Certificate
	down   atomic.Bool
}

// Start starts a CA. It looks for the server that asks at these ports in place of 80 and 443.
// Validity is for how long its certificates are good. The caller calls Close.
func Start(httpPort, httpsPort int, validity time.Duration) (*CA, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	// The CA would wait for up to 15 s before it looks.
	if err := os.Setenv("PEBBLE_VA_NOSLEEP", "1"); err != nil {
		return nil, err
	}
	silent := log.New(io.Discard, "", 0)
	c := &CA{store: db.NewMemoryStore()}
	if c.dns, err = challtestsrv.New(challtestsrv.Config{Log: silent, DNSAddrs: []string{port}}); err != nil {
		return nil, err
	}
	c.dns.SetDefaultDNSIPv6("")
	c.dns.Run()
	profiles := map[string]ca.Profile{"default": {Description: "the one", ValidityPeriod: uint64(validity / time.Second)}}
	issues := ca.New(silent, c.store, "", "ecdsa", 0, 1, profiles)
	c.root = issues.GetRootCert(0).Cert
	looks := va.New(silent, httpPort, httpsPort, false, port, c.store)
	front := wfe.New(silent, c.store, looks, issues, []string{"ca.test"}, false, false, 1, 1)
	handler := front.Handler()
	c.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.down.Load() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	return c, nil
}

// freePort returns an address of this machine that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// URL is the address of the CA's directory.
func (c *CA) URL() string { return c.server.URL + wfe.DirectoryPath }

// Root is the certificate that proves all that are issued.
func (c *CA) Root() *x509.Certificate { return c.root }

// Own is the certificate by which the CA itself is known, as PEM.
func (c *CA) Own() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
}

// SetDown sets whether the CA closes connections without an answer.
func (c *CA) SetDown(down bool) { c.down.Store(down) }

// Hide has the DNS not know a name.
func (c *CA) Hide(name string) { c.dns.AddDNSServFailRecord(name + ".") }

// Close ends the CA.
func (c *CA) Close() {
	c.server.Close()
	c.dns.Shutdown()
}
