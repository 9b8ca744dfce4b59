package e2e

import "testing"

// TestPeopleJoinOverTheNetworkWithoutTLS: such a page is told less by its
// browser, as of the clipboard and of random ids, and has to do without.
func TestPeopleJoinOverTheNetworkWithoutTLS(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.lan())
	p.join("Ana")
	p.sees("Ana")
	if eval[bool](p, `isSecureContext`) {
		t.Error("the browser trusts the page as if it came by TLS")
	}
}
