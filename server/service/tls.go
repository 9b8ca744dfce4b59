package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/server/certs"
	"rollcall/server/origin"
)

// TLS says how this server has its certificate: by ACME for Names, from files, or, if it has
// neither, not at all.
type TLS struct {
	Names     []string // as certs.ParseNames returns them
	CA, Email string   // as in certs.Options
	Cert, Key string   // files
	HTTPAddr  string   // where plain HTTP is answered; empty for nowhere
}

// On reports whether this server speaks TLS.
func (t TLS) On() bool { return t.Names != nil || t.Cert != "" }

// certFolder has the certificates, in the data folder.
const certFolder = "certificates"

// openTLS listens for plain HTTP and reads the certificate, or prepares to get it. The
// address that people open is that of the certificate, unless another one was given.
func (s *service) openTLS(ctx context.Context) (err error) {
	t := s.config.TLS
	if !t.On() {
		return nil
	}
	if t.Names != nil && !s.config.keeps() {
		return errors.New("-domain needs -data, to keep certificates: a CA issues only a few in a week")
	}
	names := t.Names
	if t.Cert != "" {
		if s.files, err = certs.Load(t.Cert, t.Key, s.log); err != nil {
			return fmt.Errorf("-tls-cert: %w", err)
		}
		names = slices.DeleteFunc(s.files.Names(), func(name string) bool { return strings.HasPrefix(name, "*") })
	}
	if s.config.PublicURL == "" {
		if len(names) == 0 {
			return errors.New("the certificate of -tls-cert is for no name that people could open; say what they open with -public-url")
		}
		s.config.PublicURL = "https://" + names[0]
	} else if u, err := url.Parse(s.config.PublicURL); t.Names != nil && (err != nil || !slices.Contains(t.Names, u.Hostname())) {
		return fmt.Errorf("-public-url is %s, which is no name of -domain", s.config.PublicURL)
	}
	if t.HTTPAddr != "" {
		if s.plain, err = listen(ctx, t.HTTPAddr, "-http-addr"); err != nil {
			return err
		}
	}
	return nil
}

// openACME prepares to get certificates, now that it listens.
func (s *service) openACME() {
	t := s.config.TLS
	if t.Names == nil {
		return
	}
	o := certs.Options{
		Names: t.Names, CA: t.CA, Email: t.Email, Folder: filepath.Join(s.config.Data, certFolder),
		HTTPS: s.listener.Addr(), Log: s.log,
	}
	if s.plain != nil {
		o.HTTP = s.plain.Addr()
	}
	s.acme = certs.NewACME(o)
}

// tls returns how this server speaks TLS; nil if it does not.
func (s *service) tls() *tls.Config {
	switch {
	case s.files != nil:
		return s.files.TLS()
	case s.acme != nil:
		return s.acme.TLS()
	}
	return nil
}

// manageCertificates keeps the certificates up to date until ctx ends.
func (s *service) manageCertificates(ctx context.Context) error {
	if s.files != nil {
		s.serving.Go(func() { s.files.Watch(ctx) })
	}
	if s.acme != nil {
		return s.acme.Manage(ctx)
	}
	return nil
}

// toHTTPS leads to the page by HTTPS, from all names of this server.
func (s *service) toHTTPS() http.Handler {
	leads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // nobody asks for more here
		http.Redirect(w, r, s.config.PublicURL+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
	handler := probes(s.readiness, s.guardNames(leads))
	if s.acme != nil {
		return s.acme.Challenges(handler)
	}
	return handler
}

// guardNames is the guard of the policy, for all names of the certificate.
func (s *service) guardNames(next http.Handler) http.Handler {
	guarded := s.policy.Guard(s.refused.observe, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isOtherName(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// leadOtherNames leads to the page from the other names of the certificate.
func (s *service) leadOtherNames(next http.Handler) http.Handler {
	if len(s.config.TLS.Names) < 2 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isOtherName(r.Host) {
			http.Redirect(w, r, s.config.PublicURL+r.URL.RequestURI(), http.StatusPermanentRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isOtherName reports whether a host is one of -domain, and not that of the page.
func (s *service) isOtherName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.Contains(s.config.TLS.Names, host) && !s.policy.IsPublic(host)
}

// hsts tells browsers always to use https for a server that is reached by https
// (RFC 6797).
func hsts(policy *origin.Policy, next http.Handler) http.Handler {
	if !policy.Secure() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}
