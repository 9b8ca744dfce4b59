package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"rollcall/server/hub"
)

// issue writes a certificate of this machine, signed by itself, and its key.
func issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cert, key = filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// pool has the certificate in a file.
func pool(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		t.Fatal("there is no certificate")
	}
	return p
}

// NATS and the servers prove to each other who they are.
func TestServersShareARoomOverNATSWithTLS(t *testing.T) {
	cert, key := issue(t, "nats")
	own, ownKey := issue(t, "rollcall")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	nats := runNATS(t, &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, TLS: true, TLSVerify: true, TLSTimeout: 5, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(t, own),
	}})
	start := func(o NATSOptions, name string) (*hub.Hub, error) {
		node, err := Start(t.Context(), Options{NATS: o, Prefix: "test", Name: name, Run: 1, Secret: []byte(testSecret), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		if err != nil {
			return nil, err
		}
		h := hub.New(hub.Options{Tick: 100 * time.Millisecond, Cluster: node, Owner: node.Owner()})
		t.Cleanup(func() {
			h.Close()
			node.Close()
		})
		return h, nil
	}
	good := NATSOptions{URLs: nats.ClientURL(), CA: cert, Cert: own, Key: ownKey}
	one, err := start(good, "one")
	if err != nil {
		t.Fatal(err)
	}
	two, err := start(good, "two")
	if err != nil {
		t.Fatal(err)
	}
	enter(t, one, "a", "Ana")
	enter(t, two, "a", "Ben")
	eventually(t, "a", []string{"Ana", "Ben"}, one, two)
	stranger, strangerKey := issue(t, "stranger")
	for name, o := range map[string]NATSOptions{
		"NATS that is not trusted": {URLs: good.URLs, Cert: own, Key: ownKey},
		"no certificate":           {URLs: good.URLs, CA: cert},
		"a stranger's certificate": {URLs: good.URLs, CA: cert, Cert: stranger, Key: strangerKey},
	} {
		if _, err := start(o, "three"); err == nil {
			t.Errorf("%s: it starts", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}
