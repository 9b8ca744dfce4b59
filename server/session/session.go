// Package session knows clients again: by a signed cookie with a secret session, or by
// the same text from a client without cookies. From a session it derives the public id
// that people see in a room.
package session

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ID is a session: 128 random bits that only the server and the browser's cookie have. It
// is never in a log, and in an event only for a client without cookies.
type ID [16]byte

// MaxAge is how long a browser keeps its cookie without a visit: 400 days, the
// most that browsers grant (RFC 6265bis, section 5.5).
const MaxAge = 400 * 24 * time.Hour

// Keeper signs and reads cookies, and derives public ids. Safe for concurrent
// use.
type Keeper struct {
	cookies, ids *macs
	name         string // of the cookie
	attributes   string // of the cookie, as they follow its value
	tag          string // of the key
	secure       bool
}

// New returns a Keeper whose keys are derived from secret, which must be 32 random bytes or
// more.
// Secure is for a server that browsers reach by https: its cookie is for that host only,
// and is never sent without TLS.
func New(secret []byte, secure bool) (*Keeper, error) {
	if len(secret) < keySize {
		return nil, fmt.Errorf("the session key has %d bytes, it must have %d or more", len(secret), keySize)
	}
	cookieKey, err1 := hkdf.Key(sha256.New, secret, nil, "rollcall cookie", sha256.Size)
	idKey, err2 := hkdf.Key(sha256.New, secret, nil, "rollcall public id", sha256.Size)
	tag, err3 := hkdf.Key(sha256.New, secret, nil, "rollcall cookie name", 4)
	k := &Keeper{cookies: newMACs(cookieKey), ids: newMACs(idKey), secure: secure, tag: hex.EncodeToString(tag)}
	k.name = k.oldName() + "-" + k.tag
	_, k.attributes, _ = strings.Cut(k.cookie(k.name, "", int(MaxAge/time.Second)).String(), "=")
	return k, errors.Join(err1, err2, err3)
}

const keySize = 32

// LoadKey returns the secret in the folder dir. If there is none it makes the folder and
// the secret, which only their owner can read.
func LoadKey(dir string) ([]byte, error) {
	file := filepath.Join(dir, "session.key")
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(dir, file)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d; remove it to have a new one made (everybody's session starts anew)", file, len(key), keySize)
	}
	return key, nil
}

// ReadSecret returns the secret in a file that several servers share: 32 bytes or more. A
// line break at the end is ignored, unless the file is too short without it, as the key of
// [LoadKey] may be.
func ReadSecret(file string) ([]byte, error) {
	secret, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if line := bytes.TrimRight(secret, "\r\n"); len(line) >= keySize {
		secret = line
	}
	if len(secret) < keySize {
		return nil, fmt.Errorf("%s has %d bytes, and must have %d or more; one is made by: head -c 32 /dev/urandom | base64 >%s", file, len(secret), keySize, file)
	}
	return secret, nil
}

// makeKey writes a new secret under another name and links it into place. So nobody reads
// half a secret, and two servers that start at the same time use the same one.
func makeKey(dir, file string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(dir, ".session.key-*") // 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	key := make([]byte, keySize)
	rand.Read(key)
	_, err = tmp.Write(key)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(file)
}

// NewID returns a new random session.
func NewID() ID {
	var id ID
	rand.Read(id[:])
	return id
}

// CookieName returns the name of the cookie that k sets. It ends in the tag of the key:
// all ports of a host share cookies (RFC 6265, section 8.5), and a server with another key
// on the same host needs a cookie of its own.
func (k *Keeper) CookieName() string { return k.name }

// Tag returns a text that differs for different keys and says nothing else about them.
func (k *Keeper) Tag() string { return k.tag }

// oldName returns the name without the tag, which earlier versions used. With the prefix
// __Host-, browsers require Secure, the path / and no domain (RFC 6265bis, section
// 4.1.3.2).
func (k *Keeper) oldName() string {
	if k.secure {
		return "__Host-rollcall"
	}
	return "rollcall"
}

// SetCookie has the browser that w answers keep id. Only the value differs between
// sessions, and it needs no quotes.
func (k *Keeper) SetCookie(w http.ResponseWriter, id ID) {
	w.Header().Add("Set-Cookie", k.name+"="+k.Text(id)+k.attributes)
}

// ExpiredCookies returns the cookies with which a browser forgets the session of the
// request. They leave a cookie without the tag alone if another server has signed it.
func (k *Keeper) ExpiredCookies(r *http.Request) []*http.Cookie {
	const atOnce = -1
	expired := []*http.Cookie{k.cookie(k.name, "", atOnce)}
	for _, c := range r.CookiesNamed(k.oldName()) {
		if _, ok := k.Parse(c.Value); ok {
			return append(expired, k.cookie(c.Name, "", atOnce))
		}
	}
	return expired
}

func (k *Keeper) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   k.secure,
		SameSite: http.SameSiteLaxMode,
	}
}

// FromRequest returns the session of a cookie of the request that this server has signed.
// It reports false if there is none.
func (k *Keeper) FromRequest(r *http.Request) (ID, bool) {
	for _, name := range []string{k.name, k.oldName()} {
		for _, c := range r.CookiesNamed(name) {
			if id, ok := k.Parse(c.Value); ok {
				return id, true
			}
		}
	}
	return ID{}, false
}

// Text returns the signed session. It is a secret of its owner: whoever has it is that
// session.
func (k *Keeper) Text(id ID) string {
	return base64.RawURLEncoding.EncodeToString(k.cookies.sum(id[:], id[:]))
}

// Parse returns the session of a Text. It reports false if this server has not signed it.
func (k *Keeper) Parse(value string) (ID, bool) {
	const size = len(ID{}) + sha256.Size
	// The decoder skips line breaks, but with them the length differs.
	if len(value) != base64.RawURLEncoding.EncodedLen(size) {
		return ID{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) != size {
		return ID{}, false
	}
	id := ID(b[:len(ID{})])
	return id, hmac.Equal(b[len(ID{}):], k.cookies.sum(nil, id[:]))
}

// PublicID returns the 13 characters by which people in a room know the session. Nobody
// can tell from them which session it is, or whether two ids in two rooms are of the same
// session. They have 64 bits, to keep rosters small: two of 20,000 people have the same id
// in one of 90 billion such rooms.
func (k *Keeper) PublicID(id ID, room string) string {
	sum := k.ids.sum(nil, append(id[:], "|"+room...))
	return lowerBase32.EncodeToString(sum[:8])
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// macs has HMACs of one key. They are used again, since to make one takes several times as
// long as to use it.
type macs struct {
	key  []byte
	idle sync.Pool // of hash.Hash
}

func newMACs(key []byte) *macs {
	return &macs{key: key, idle: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// sum appends the code of the text to b.
func (m *macs) sum(b, text []byte) []byte {
	mac := m.idle.Get().(hash.Hash)
	defer m.idle.Put(mac)
	mac.Reset()
	mac.Write(text)
	return mac.Sum(b)
}
