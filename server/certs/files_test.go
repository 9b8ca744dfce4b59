package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// issue writes a certificate and its key to files in a folder.
func issue(t *testing.T, folder string, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreTakenUpAgainWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), new(record)
		cert, key := issue(t, folder, "old.example.org")
		f, err := Load(cert, key, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go f.Watch(ctx)
		shows := func(want string) {
			t.Helper()
			time.Sleep(checkEvery)
			synctest.Wait()
			shown, err := f.TLS().GetCertificate(nil)
			if err != nil || !slices.Equal(shown.Leaf.DNSNames, []string{want}) || !slices.Equal(f.Names(), []string{want}) {
				t.Errorf("it shows %v (%v), want %s", f.Names(), err, want)
			}
		}
		shows("old.example.org")
		issue(t, folder, "new.example.org")
		shows("new.example.org")
		write(t, key, "half of it") // as while it is written
		shows("new.example.org")
		if strings.Contains(log.String(), "WARN") {
			t.Errorf("it warns at once:\n%s", log)
		}
		for range 10 {
			shows("new.example.org")
		}
		if n := strings.Count(log.String(), "WARN"); n != 1 {
			t.Errorf("it warns %d times:\n%s", n, log)
		}
		issue(t, folder, "newest.example.org")
		shows("newest.example.org")
		cancel()
		synctest.Wait()
	})
}

func TestFilesThatCannotBeUsedAreNamed(t *testing.T) {
	folder := t.TempDir()
	cert, _ := issue(t, folder, "a.example.org")
	_, other := issue(t, t.TempDir(), "b.example.org")
	empty := filepath.Join(folder, "empty.pem")
	write(t, empty, "")
	for name, c := range map[string]struct{ cert, key, says string }{
		"no file":         {filepath.Join(folder, "none.pem"), other, "none.pem"},
		"another's key":   {cert, other, "private key does not match"},
		"no certificate":  {other, other, other},
		"a folder as key": {cert, folder, folder},
		"nothing in them": {empty, empty, empty},
	} {
		if _, err := Load(c.cert, c.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
