package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/andybalholm/brotli"

	"rollcall/web"
)

// effort is how hard to compress: a page kept in memory is compressed once, a
// page made for one request each time.
type effort struct{ brotli, gzip int }

var (
	best = effort{brotli: brotli.BestCompression, gzip: gzip.BestCompression}
	fast = effort{brotli: 4, gzip: gzip.DefaultCompression}
)

// document is an HTML page. Its encodings are made when first asked for if
// they were not made before.
type document struct {
	plain  []byte
	effort effort
	etag   string // of the plain bytes, without quotes

	br, gz []byte // nil for a page made for one request
}

func newDocument(plain []byte, e effort) document {
	sum := sha256.Sum256(plain)
	d := document{plain: plain, effort: e, etag: hex.EncodeToString(sum[:12])}
	if e == best {
		d.br, d.gz = d.brotli(), d.gzip()
	}
	return d
}

func (d document) brotli() []byte {
	if d.br != nil {
		return d.br
	}
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, d.effort.brotli)
	w.Write(d.plain) // to memory
	w.Close()
	return b.Bytes()
}

func (d document) gzip() []byte {
	if d.gz != nil {
		return d.gz
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, d.effort.gzip) // the level is one of gzip's own
	w.Write(d.plain)                               // to memory
	w.Close()
	return b.Bytes()
}

func (d document) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	body, encoding := d.plain, ""
	switch {
	case accepts(r, "br"):
		body, encoding = d.brotli(), "br"
	case accepts(r, "gzip"):
		body, encoding = d.gzip(), "gzip"
	}
	etag := d.etag
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
		etag += "-" + encoding
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			w.Write(body)
		}
		return
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// asset serves one of web's built files from memory.
type asset struct {
	web.Asset
	br, gz []byte
}

func newAsset(files fs.FS, a web.Asset) (*asset, error) {
	br, err := fs.ReadFile(files, a.File+".br")
	if err != nil {
		return nil, err
	}
	gz, err := fs.ReadFile(files, a.File+".gz")
	if err != nil {
		return nil, err
	}
	return &asset{Asset: a, br: br, gz: gz}, nil
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.Type)
	// The path has a hash of the content: RFC 8246.
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	switch {
	case accepts(r, "br"):
		a.encoded(w, r, "br", a.br)
	case accepts(r, "gzip"):
		a.encoded(w, r, "gzip", a.gz)
	default:
		a.plain(w, r)
	}
}

func (a *asset) encoded(w http.ResponseWriter, r *http.Request, encoding string, body []byte) {
	h := w.Header()
	h.Set("Content-Encoding", encoding)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("ETag", fmt.Sprintf("%q", a.File+"-"+encoding))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// plain is for the rare client that takes no compression: it is not worth
// keeping the bytes for.
func (a *asset) plain(w http.ResponseWriter, r *http.Request) {
	zr, err := gzip.NewReader(bytes.NewReader(a.gz))
	if err != nil {
		w.Header().Del("Cache-Control") // this is not what to keep
		http.Error(w, "The file is damaged; build the server again.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", a.File))
	if r.Method == http.MethodHead {
		return
	}
	// An error here is the client's hanging up.
	io.Copy(w, zr)
}

// accepts reports whether the client takes an encoding: it names it, without
// a weight of 0 (RFC 9110, section 12.5.3). A client that says * means
// anything, and gets no compression.
func accepts(r *http.Request, encoding string) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(name), encoding) {
				continue
			}
			q, weighted := strings.CutPrefix(strings.ToLower(strings.Join(strings.Fields(params), "")), "q=")
			if !weighted {
				return true
			}
			weight, err := strconv.ParseFloat(q, 64)
			return err == nil && weight > 0
		}
	}
	return false
}
