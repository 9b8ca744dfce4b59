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
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"rollcall/web"
)

// compression is the level of each encoding. A page in memory is compressed once, so it
// may take long; a page for one request is compressed each time.
type compression struct{ brotli, gzip int }

var (
	bestCompression = compression{brotli: brotli.BestCompression, gzip: gzip.BestCompression}
	fastCompression = compression{brotli: 4, gzip: gzip.DefaultCompression}
)

// document is a page, or another text that the server writes itself. It is compressed
// when that is asked for the first time.
type document struct {
	kind   string // media type
	plain  []byte
	br, gz func() []byte
	etag   string // of the plain bytes, without quotes
}

const htmlType = "text/html; charset=utf-8"

func newDocument(kind string, plain []byte, level compression) document {
	sum := sha256.Sum256(plain)
	return document{
		kind: kind, plain: plain, etag: hex.EncodeToString(sum[:12]),
		br: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w := brotli.NewWriterLevel(&b, level.brotli)
			w.Write(plain) // to memory
			w.Close()
			return b.Bytes()
		}),
		gz: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, level.gzip) // the level is one of gzip's own
			w.Write(plain)                              // to memory
			w.Close()
			return b.Bytes()
		}),
	}
}

func (d document) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", d.kind)
	h.Add("Vary", "Accept-Encoding")
	body, encoding := d.plain, ""
	switch {
	case acceptsEncoding(r, "br"):
		body, encoding = d.br(), "br"
	case acceptsEncoding(r, "gzip"):
		body, encoding = d.gz(), "gzip"
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
	if wantsWhole(r) {
		w.Write(body)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// wantsWhole reports whether a request asks for the whole content, without conditions.
// http.ServeContent would do the same and take a fifth longer.
func wantsWhole(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	for _, name := range []string{"Range", "If-None-Match", "If-Match"} {
		if _, asked := r.Header[name]; asked {
			return false
		}
	}
	return true
}

// asset serves one of the built files from memory: as it is, or compressed.
type asset struct {
	web.Asset
	content func() ([]byte, error) // the content, unpacked at the first call
	br, gz  []byte
}

func newAsset(files fs.FS, a web.Asset) (*asset, error) {
	if a.Plain {
		content, err := fs.ReadFile(files, a.File)
		return &asset{Asset: a, content: func() ([]byte, error) { return content, nil }}, err
	}
	br, err := fs.ReadFile(files, a.File+".br")
	if err != nil {
		return nil, err
	}
	gz, err := fs.ReadFile(files, a.File+".gz")
	// The rare client without compression must not cost more than others.
	content := sync.OnceValues(func() ([]byte, error) {
		zr, err := gzip.NewReader(bytes.NewReader(gz))
		if err != nil {
			return nil, fmt.Errorf("%s.gz: %w", a.File, err)
		}
		return io.ReadAll(zr)
	})
	return &asset{Asset: a, content: content, br: br, gz: gz}, err
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.Type)
	// The path has a hash of the content: RFC 8246.
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if !a.Plain {
		h.Add("Vary", "Accept-Encoding")
		switch {
		case acceptsEncoding(r, "br"):
			a.encoded(w, r, "br", a.br)
			return
		case acceptsEncoding(r, "gzip"):
			a.encoded(w, r, "gzip", a.gz)
			return
		}
	}
	content, err := a.content()
	if err != nil {
		h.Del("Cache-Control") // an error is not to be cached
		http.Error(w, "The file is damaged; build the server again.", http.StatusInternalServerError)
		return
	}
	h.Set("ETag", strconv.Quote(a.File))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func (a *asset) encoded(w http.ResponseWriter, r *http.Request, encoding string, body []byte) {
	h := w.Header()
	h.Set("Content-Encoding", encoding)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("ETag", strconv.Quote(a.File+"-"+encoding))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsEncoding reports whether the client takes an encoding: it names it, without
// a weight of 0 (RFC 9110, section 12.5.3). A client that says * means
// anything, and gets no compression.
func acceptsEncoding(r *http.Request, encoding string) bool {
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
