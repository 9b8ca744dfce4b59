package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"rollcall/server/testca"
	"rollcall/shared/client"
)

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T) (ports [2]string, numbers [2]int) {
	t.Helper()
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		numbers[i] = l.Addr().(*net.TCPAddr).Port
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports, numbers
}

// asker is an HTTP client for which all names lead to this machine, and that follows no
// redirect.
func asker(root *x509.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &http.Client{
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func TestAServerGetsItsCertificatesByItself(t *testing.T) {
	t.Parallel()
	ports, numbers := freePorts(t)
	ca, err := testca.Start(numbers[0], numbers[1], 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer ca.Close()
	trusts := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusts, ca.Own(), 0o600); err != nil {
		t.Fatal(err)
	}
	page := "https://here.local:" + ports[1]
	s := &server{t: t, binary: binary, env: []string{"SSL_CERT_FILE=" + trusts}, args: []string{
		"-data", t.TempDir(), "-domain", "here.local,www.local", "-acme-ca", ca.URL(), "-acme-email", "ana@here.local",
		"-public-url", page, "-http-addr", "127.0.0.1:" + ports[0],
	}}
	s.run("127.0.0.1:" + ports[1])
	defer s.stop()
	if s.url != page {
		t.Errorf("it says that it is at %s", s.url)
	}

	asks := asker(ca.Root())
	defer asks.CloseIdleConnections()
	ask := func(url string) *http.Response {
		t.Helper()
		var last error
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // polls until there is a certificate
			answer, err := asks.Get(url)
			if last = err; err == nil {
				answer.Body.Close()
				return answer
			}
		}
		t.Fatalf("%s: %v\n%s", url, last, s.log)
		return nil
	}
	first := ask(page + "/")
	if first.StatusCode != http.StatusOK || first.ProtoMajor != 2 || first.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("the page: %s, %s, %v", first.Status, first.Proto, first.Header)
	}
	for from, to := range map[string]string{
		"https://www.local:" + ports[1] + "/r/x?wall": page + "/r/x?wall",
		"http://www.local:" + ports[0] + "/r/x?wall":  page + "/r/x?wall",
		"http://here.local:" + ports[0]:               page + "/",
	} {
		if answer := ask(from); answer.StatusCode != http.StatusPermanentRedirect || answer.Header.Get("Location") != to {
			t.Errorf("%s: %s to %s", from, answer.Status, answer.Header.Get("Location"))
		}
	}
	if answer := ask("http://other.local:" + ports[0]); answer.StatusCode < 400 {
		t.Errorf("a name that is none of its: %s", answer.Status)
	}
	if answer := ask("http://127.0.0.1:" + ports[0] + "/readyz"); answer.StatusCode != http.StatusOK {
		t.Errorf("a probe: %s", answer.Status)
	}

	p := visit(t, "Ana", "about:blank")
	// Chromium does not know the CA.
	call(p, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	p.do(chromedp.Navigate(page))
	p.join("Ana")
	c, err := client.Dial(t.Context(), "wss"+strings.TrimPrefix(page, "https")+"/ws", client.Options{Name: "Ben", HTTPClient: asks})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.sees("Ana", "Ben")

	s.stop()
	ca.SetDown(true) // the certificate is kept
	s.run("127.0.0.1:" + ports[1])
	asks.CloseIdleConnections()
	if again := ask(page + "/"); !again.TLS.PeerCertificates[0].Equal(first.TLS.PeerCertificates[0]) {
		t.Error("after a restart it has another certificate")
	}
	p.sees("Ana", "Ben")
	p.forgiveRestart()
}
