package session

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func keeper(t testing.TB, fill byte, secure bool) *Keeper {
	t.Helper()
	k, err := New(bytes.Repeat([]byte{fill}, keySize), secure)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func request(cookies ...*http.Cookie) *http.Request {
	r := &http.Request{Header: http.Header{}}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

// cookie is the one that k has a browser keep.
func cookie(t *testing.T, k *Keeper, id ID) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	k.SetCookie(w, id)
	c, err := http.ParseSetCookie(w.Header().Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACookieComesBackAsItsSession(t *testing.T) {
	for _, secure := range []bool{false, true} {
		k, id := keeper(t, 1, secure), NewID()
		c := cookie(t, k, id)
		if got, ok := k.FromRequest(request(c)); !ok || got != id {
			t.Errorf("secure %v: got %v, %v", secure, got, ok)
		}
		if c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie is %v", c)
		}
		if strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("secure %v has name %q", secure, c.Name)
		}
		if c.MaxAge != 400*24*60*60 {
			t.Errorf("kept for %d s", c.MaxAge)
		}
	}
}

func TestTheKeysOfCookiesAndOfPublicIDsAreApart(t *testing.T) {
	k := keeper(t, 1, false)
	if strings.HasSuffix(k.CookieName(), hex.EncodeToString(k.cookies.key[:4])) || bytes.Equal(k.cookies.key, k.ids.key) || bytes.Equal(k.ids.key, bytes.Repeat([]byte{1}, keySize)) || bytes.Equal(k.cookies.key, bytes.Repeat([]byte{1}, keySize)) {
		t.Error("who finds one out knows the other, or the secret")
	}
}

func TestAForgedCookieIsNoSession(t *testing.T) {
	k, id := keeper(t, 1, false), NewID()
	good := k.Text(id)
	for name, value := range map[string]string{
		"of another server": keeper(t, 2, false).Text(id),
		"cut short":         good[:len(good)-1],
		"made longer":       good + "A",
		"changed":           flip(good),
		"empty":             "",
		"not base64":        "%%%",
	} {
		c := cookie(t, k, id)
		c.Value = value
		if _, ok := k.FromRequest(request(c)); ok {
			t.Errorf("a cookie %s was taken", name)
		}
	}
	if _, ok := k.FromRequest(request()); ok {
		t.Error("no cookie was taken for one")
	}
}

func flip(s string) string {
	b := []byte(s)
	if b[0] == 'A' {
		b[0] = 'B'
	} else {
		b[0] = 'A'
	}
	return string(b)
}

func TestAGoodCookieIsFoundBehindABadOneOfTheSameName(t *testing.T) {
	k, id := keeper(t, 1, false), NewID()
	bad := cookie(t, keeper(t, 2, false), NewID())
	if got, ok := k.FromRequest(request(bad, cookie(t, k, id))); !ok || got != id {
		t.Errorf("got %v, %v", got, ok)
	}
}

// A host's cookies are the same for all its ports.
func TestServersOfOneHostLeaveEachOtherTheirCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		one, other := keeper(t, 1, secure), keeper(t, 2, secure)
		if one.CookieName() == other.CookieName() {
			t.Fatalf("both are named %s", one.CookieName())
		}
		if again := keeper(t, 1, secure); again.CookieName() != one.CookieName() {
			t.Errorf("%s after a restart, %s before", again.CookieName(), one.CookieName())
		}
		a, b := NewID(), NewID()
		both := request(cookie(t, one, a), cookie(t, other, b))
		if got, ok := one.FromRequest(both); !ok || got != a {
			t.Errorf("one reads %v, %v", got, ok)
		}
		if got, ok := other.FromRequest(both); !ok || got != b {
			t.Errorf("the other reads %v, %v", got, ok)
		}
	}
}

func TestACookieOfBeforeTheTagIsStillRead(t *testing.T) {
	for _, secure := range []bool{false, true} {
		k, id := keeper(t, 1, secure), NewID()
		old := cookie(t, k, id)
		old.Name = map[bool]string{false: "rollcall", true: "__Host-rollcall"}[secure]
		if got, ok := k.FromRequest(request(old)); !ok || got != id {
			t.Errorf("secure %v: got %v, %v", secure, got, ok)
		}
		later := NewID()
		if got, ok := k.FromRequest(request(old, cookie(t, k, later))); !ok || got != later {
			t.Errorf("secure %v: the old one has the last word", secure)
		}
	}
}

func TestASessionThatExpiresIsGoneUnderBothNames(t *testing.T) {
	for _, secure := range []bool{false, true} {
		k, stranger := keeper(t, 1, secure), keeper(t, 2, secure)
		old, foreign := cookie(t, k, NewID()), cookie(t, stranger, NewID())
		old.Name = k.oldName()
		foreign.Name = old.Name
		for _, c := range []struct {
			sent []*http.Cookie
			want []string
		}{
			{nil, []string{k.CookieName()}},
			{[]*http.Cookie{cookie(t, k, NewID())}, []string{k.CookieName()}},
			{[]*http.Cookie{cookie(t, k, NewID()), foreign}, []string{k.CookieName()}},
			{[]*http.Cookie{foreign, old}, []string{k.CookieName(), old.Name}},
		} {
			var names []string
			for _, e := range k.ExpiredCookies(request(c.sent...)) {
				names = append(names, e.Name)
				if e.MaxAge >= 0 || e.Value != "" || e.Path != "/" || e.Secure != secure || !e.HttpOnly {
					t.Errorf("%v keeps it, or browsers refuse it", e)
				}
			}
			if !slices.Equal(names, c.want) {
				t.Errorf("secure %v: %q expire, want %q", secure, names, c.want)
			}
		}
	}
}

func TestPublicIDsAreStableInARoomAndUnlikeElsewhere(t *testing.T) {
	k, id := keeper(t, 1, false), NewID()
	a := k.PublicID(id, "lobby")
	if a != k.PublicID(id, "lobby") {
		t.Error("two ids for one session in one room")
	}
	if len(a) != 13 || strings.Trim(a, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("id is %q", a)
	}
	for name, b := range map[string]string{
		"another room":    k.PublicID(id, "lobby2"),
		"another session": k.PublicID(NewID(), "lobby"),
		"another server":  keeper(t, 2, false).PublicID(id, "lobby"),
	} {
		if a == b {
			t.Errorf("%s has the same id", name)
		}
	}
}

func TestTheKeyIsMadeOnceAndIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var wg sync.WaitGroup
	keys := make([][]byte, 8)
	for i := range keys {
		wg.Go(func() { keys[i], _ = LoadKey(dir) })
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != keySize || !bytes.Equal(key, keys[0]) {
			t.Fatalf("keys differ: %x and %x", keys[0], key)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "session.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".session*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestADamagedKeyIsReportedAndKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "session.key")
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(dir); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error is %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != "short" {
		t.Error("the file was overwritten")
	}
}

func FuzzCookie(f *testing.F) {
	k := keeper(f, 1, false)
	good := k.Text(ID{1})
	f.Add(good)
	f.Add(good[:9] + "\r\n" + good[9:])
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := k.Parse(value)
		if ok && k.Text(got) != value {
			t.Errorf("%q is a second spelling of a session's cookie", value)
		}
	})
}

func TestADataFolderThatCannotBeUsedIsAnErrorThatNamesIt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "session.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{
		"below a file":          filepath.Join(file, "data"),
		"a file itself":         file,
		"with a folder for key": filepath.Join(dir, "taken"),
	} {
		if key, err := LoadKey(folder); err == nil || key != nil || !strings.Contains(err.Error(), folder) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

func TestAKeyOfTheWrongSizeIsRefused(t *testing.T) {
	for _, size := range []int{0, 16, 31} {
		if _, err := New(make([]byte, size), false); err == nil {
			t.Errorf("%d bytes are taken", size)
		}
	}
}
