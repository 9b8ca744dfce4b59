package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/server/testca"
)

// record is a log that can be read.
type record struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// site is a server that gets its certificate from a CA.
type site struct {
	t     *testing.T
	ca    *testca.CA
	acme  *ACME
	https net.Listener
	log   *record
}

// open starts a server of the names, and its CA.
func open(t *testing.T, validity time.Duration, names ...string) *site {
	t.Helper()
	s := &site{t: t, log: new(record)}
	plain := listen(t)
	s.https = listen(t)
	var err error
	if s.ca, err = testca.Start(port(plain.Addr()), port(s.https.Addr()), validity); err != nil {
		t.Fatal(err)
	}
	own := x509.NewCertPool()
	own.AppendCertsFromPEM(s.ca.Own())
	s.acme = NewACME(Options{
		Names: names, CA: s.ca.URL(), Folder: t.TempDir(), HTTP: plain.Addr(), HTTPS: s.https.Addr(),
		Log: slog.New(slog.NewTextHandler(s.log, nil)), renewCheck: 200 * time.Millisecond, roots: own,
	})
	ctx, cancel := context.WithCancel(context.Background())
	serve := func(l net.Listener, handler http.Handler) func() {
		server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		var running sync.WaitGroup
		running.Go(func() { server.Serve(l) })
		return func() {
			server.Close()
			running.Wait()
		}
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	ends := []func(){serve(plain, s.acme.Challenges(http.NotFoundHandler())), serve(tls.NewListener(s.https, s.acme.TLS()), hello)}
	if err := s.acme.Manage(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.acme.Close()
		for _, end := range ends {
			end()
		}
		s.ca.Close()
		if t.Failed() {
			t.Log(s.log)
		}
	})
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// shows returns the certificate that somebody gets who opens a name, and proves.
func (s *site) shows(name string) (*x509.Certificate, error) {
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.Root())
	conn, err := tls.Dial("tcp", s.https.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots, NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// until waits until a certificate is shown that is as wanted.
func (s *site) until(name string, wanted func(*x509.Certificate) bool) *x509.Certificate {
	s.t.Helper()
	var last error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // polls
		cert, err := s.shows(name)
		if last = err; err == nil && wanted(cert) {
			return cert
		}
	}
	s.t.Fatalf("no certificate for %s as it should be: %v", name, last)
	return nil
}

func whatever(*x509.Certificate) bool { return true }

func TestCertificatesAreIssuedAndRenewed(t *testing.T) {
	s := open(t, 9*time.Second, "here.example.test", "www.example.test")
	s.until("www.example.test", whatever)
	first := s.until("here.example.test", whatever)
	if left := time.Until(first.NotAfter); left > 10*time.Second {
		t.Fatalf("the first one is good for %v", left)
	}
	second := s.until("here.example.test", func(c *x509.Certificate) bool { return !c.Equal(first) })
	if !second.NotAfter.After(first.NotAfter) {
		t.Error("the second one is not good for longer")
	}
	if !strings.Contains(s.log.String(), "was issued") {
		t.Error("nothing is logged")
	}
}

func TestWithoutTheCATheLastCertificateIsServedAndThatIsSaid(t *testing.T) {
	s := open(t, 15*time.Second, "here.example.test")
	first := s.until("here.example.test", whatever)
	s.ca.SetDown(true)
	for deadline := time.Now().Add(14 * time.Second); !strings.Contains(s.log.String(), "is not renewed"); time.Sleep(20 * time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatal("it is not said")
		}
	}
	if now := s.until("here.example.test", whatever); !now.Equal(first) {
		t.Error("it is another one")
	}
}

func TestANameThatDoesNotLeadHereGetsNoCertificateAndTheOthersDo(t *testing.T) {
	s := open(t, time.Hour, "here.example.test", "wrong.example.test")
	s.ca.Hide("wrong.example.test")
	s.until("here.example.test", whatever)
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.log.String(), "no certificate is issued"); time.Sleep(20 * time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatal("it is not said")
		}
	}
	if _, err := s.shows("wrong.example.test"); err == nil {
		t.Error("there is a certificate for a name that the CA cannot find")
	}
}

func TestNamesAreAsCertificatesHaveThem(t *testing.T) {
	for list, want := range map[string][]string{
		"here.example.org":                       {"here.example.org"},
		"Here.Example.org., www.example.org":     {"here.example.org", "www.example.org"},
		"bücher.example":                         {"xn--bcher-kva.example"},
		"":                                       nil,
		"here.example.org,":                      nil,
		"*.example.org":                          nil,
		"localhost":                              nil,
		"10.0.0.1":                               nil,
		"1.2.3.4.5":                              nil,
		"a b.example.org":                        nil,
		"https://here.example.org":               nil,
		"here.example.org:443":                   nil,
		"here.example.org,HERE.example.org":      nil,
		strings.Repeat("a", 64) + ".example.org": nil,
	} {
		names, err := ParseNames(list)
		if !slices.Equal(names, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v", list, names, err)
		}
	}
}
