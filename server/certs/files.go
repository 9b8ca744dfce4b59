// Package certs has the certificate by which browsers know the server: one from files, or one
// that it gets by ACME (RFC 8555) and renews.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// checkEvery is how often files are read again.
const checkEvery = 10 * time.Second

// protocols are what the server speaks over TLS (RFC 7301). Browsers open WebSockets by
// HTTP/1.1.
var protocols = []string{"h2", "http/1.1"}

// Files is a certificate that others renew, in two files.
type Files struct {
	cert, key string
	log       *slog.Logger
	now       atomic.Pointer[pair]
}

// pair is what is in the files.
type pair struct {
	cert, key []byte
	tls.Certificate
}

// Load reads the certificate, with those that lead to its root after it, and its key, both as
// PEM.
func Load(cert, key string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log}
	p, err := f.read(nil)
	if err != nil {
		return nil, err
	}
	f.now.Store(p)
	return f, nil
}

// read reads the files. It returns old, if there is one, if they are as they were.
func (f *Files) read(old *pair) (*pair, error) {
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return nil, err
	}
	if old != nil && bytes.Equal(cert, old.cert) && bytes.Equal(key, old.key) {
		return old, nil
	}
	p := &pair{cert: cert, key: key}
	if p.Certificate, err = tls.X509KeyPair(cert, key); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", f.cert, f.key, err)
	}
	return p, nil
}

// Watch takes up the files again when they have changed, until ctx ends. Files that cannot be
// used are logged, and the last certificate stays.
func (f *Files) Watch(ctx context.Context) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	wrong := 0 // how often the files could not be used, one after the other
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		old := f.now.Load()
		p, err := f.read(old)
		switch {
		case err == nil && p != old:
			f.now.Store(p)
			wrong = 0
			f.log.Info("the new certificate is taken up", "until", p.Leaf.NotAfter)
		case err == nil:
			wrong = 0
		default:
			// The first time, it may be that only one of them has been written yet.
			if wrong++; wrong == 2 {
				f.log.Warn("the certificate cannot be read any more; the last one stays", "until", old.Leaf.NotAfter, "err", err)
			}
		}
	}
}

// Names returns the names that the certificate is for.
func (f *Files) Names() []string { return f.now.Load().Leaf.DNSNames }

// TLS returns how to serve with the certificate.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &f.now.Load().Certificate, nil
		},
	}
}
