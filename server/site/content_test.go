package site

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/fstest"

	"rollcall/web"
)

// negotiated is what a client says it takes, and what it gets for that.
var negotiated = map[string]string{
	"": "", "identity": "", "deflate, zstd": "", "gzip": "gzip", "br": "br",
	"gzip, deflate, br, zstd": "br", "BR": "br", "gzip;q=0.5": "gzip", "br ; q=0.1": "br", "br;q=0.001": "br",
	// Refused, however it is written (RFC 9110, section 12.4.2).
	"br;q=0, gzip": "gzip", "br;q=0.0,gzip;q=0": "", "gzip;q=0.000": "", "br;Q=0, gzip": "gzip", "br;\tq=0, gzip": "gzip", "br ; q=0 , gzip": "gzip",
	// Anything will do, so nothing is done.
	"*": "", "*;q=0": "", "gzip;q=0, *": "",
	// Other things, or none.
	"brotli": "", "x-br": "", "br;q=x": "", "br;q=": "", "br;q=-1": "", "br;q=nan": "", ";q=1": "", ",,br,,": "br",
}

func TestEncodingsAreNegotiated(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/a", "/nope", "/web/hash.app.wasm", "/manifest.webmanifest", "/sw.js", "/api/qr/lobby"} {
		plain := text(t, ask(s, "GET", path))
		if plain == "" {
			t.Fatalf("%s is empty", path)
		}
		for accept, want := range negotiated {
			resp := ask(s, "GET", path, "Accept-Encoding", accept)
			if got := resp.Header.Get("Content-Encoding"); got != want {
				t.Errorf("%s for %q is %q, want %q", path, accept, got, want)
			}
			// In the plain answer too: a cache must not give it to all.
			if vary := resp.Header.Values("Vary"); !slices.Equal(vary, []string{"Accept-Encoding"}) {
				t.Errorf("%s for %q varies by %q", path, accept, vary)
			}
			if got := text(t, resp); got != plain {
				t.Errorf("%s for %q decodes to %q", path, accept, got)
			}
		}
		if resp := ask(s, "GET", path, "Accept-Encoding", "br"); text(t, resp) == "" {
			t.Errorf("%s is empty", path)
		}
	}
}

func TestWhatIsTakenMayStandInSeveralHeaders(t *testing.T) {
	r, err := http.NewRequest("GET", "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Accept-Encoding"] = []string{"gzip", "br;q=0"}
	if !acceptsEncoding(r, "gzip") || acceptsEncoding(r, "br") {
		t.Error("only the first was read")
	}
}

func TestTheLengthIsOfWhatIsSent(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/a", "/nope", "/web/hash.app.wasm", "/web/hash.icon-192.png", "/manifest.webmanifest", "/sw.js", "/api/qr/lobby"} {
		for _, accept := range []string{"", "gzip", "br"} {
			resp := ask(s, "GET", path, "Accept-Encoding", accept)
			body, err := io.ReadAll(resp.Body)
			if said := resp.Header.Get("Content-Length"); err != nil || said != strconv.Itoa(len(body)) {
				t.Errorf("%s for %q has %d bytes and says %s, %v", path, accept, len(body), said, err)
			}
		}
	}
}

func TestWhatHasNotChangedIsNotSentAgain(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/a", "/web/hash.app.js", "/manifest.webmanifest", "/sw.js", "/api/qr/lobby"} {
		etags := map[string]string{}
		for _, accept := range []string{"", "gzip", "br"} {
			etag := ask(s, "GET", path, "Accept-Encoding", accept).Header.Get("ETag")
			if len(etag) < 3 || etag[0] != '"' || etag[len(etag)-1] != '"' {
				t.Errorf("%s for %q: ETag %q is not a strong one", path, accept, etag)
			}
			etags[accept] = etag
		}
		for accept, own := range etags {
			for other, etag := range etags {
				// The same page in another encoding is not the same bytes.
				want := http.StatusOK
				if other == accept {
					want = http.StatusNotModified
				}
				resp := ask(s, "GET", path, "Accept-Encoding", accept, "If-None-Match", etag)
				if resp.StatusCode != want {
					t.Errorf("%s for %q with the ETag of %q: %d, want %d", path, accept, other, resp.StatusCode, want)
				}
			}
			for header, want := range map[string]int{`"other"`: 200, "W/" + own: 304, `"other", ` + own: 304, "*": 304} {
				resp := ask(s, "GET", path, "Accept-Encoding", accept, "If-None-Match", header)
				if resp.StatusCode != want || resp.Header.Get("ETag") != own || resp.Header.Get("Vary") == "" {
					t.Errorf("%s for %q if none matches %s: %d, want %d; headers %v", path, accept, header, resp.StatusCode, want, resp.Header)
				}
				if body, err := io.ReadAll(resp.Body); want == 304 && (err != nil || len(body) > 0 || resp.Header.Get("Content-Encoding") != "") {
					t.Errorf("%s for %q: a 304 with %d bytes, headers %v", path, accept, len(body), resp.Header)
				}
			}
		}
	}
	if lobby, room := ask(s, "GET", "/").Header.Get("ETag"), ask(s, "GET", "/r/a").Header.Get("ETag"); lobby == room {
		t.Error("two rooms have one ETag")
	}
}

func TestAPartIsOfTheEncodedBytes(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/web/hash.app.js", "/web/hash.app.wasm"} {
		for _, accept := range []string{"br", ""} {
			whole, err := io.ReadAll(ask(s, "GET", path, "Accept-Encoding", accept).Body)
			if err != nil {
				t.Fatal(err)
			}
			resp := ask(s, "GET", path, "Accept-Encoding", accept, "Range", "bytes=3-5")
			part, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusPartialContent || string(part) != string(whole[3:6]) || resp.Header.Get("Content-Length") != "3" {
				t.Errorf("%s for %q: %d, %q, headers %v", path, accept, resp.StatusCode, part, resp.Header)
			}
		}
	}
}

func TestWhatIsSentUnpackedIsUnpackedOnce(t *testing.T) {
	s := build(t)
	whole := func() { io.Copy(io.Discard, ask(s, "GET", "/web/hash.app.wasm").Body) }
	whole()
	// What is unpacked anew takes the window of the decoder, 32 KiB, and more.
	if took := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			whole()
		}
	}).AllocedBytesPerOp(); took > 32<<10 {
		t.Errorf("%d bytes for each client that takes no compression", took)
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	s := build(t)
	for name, kind := range kinds {
		if name == workerSource {
			continue // its address is one that stays
		}
		for _, accept := range []string{"", "gzip", "br"} {
			resp := ask(s, "GET", "/web/hash."+name, "Accept-Encoding", accept)
			if got := resp.Header.Get("Content-Type"); got != kind {
				t.Errorf("%s for %q is %s", name, accept, got)
			}
			if got := resp.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("%s for %q: Cache-Control is %q", name, accept, got)
			}
			if got := text(t, resp); got != "content of "+name {
				t.Errorf("%s for %q is %q", name, accept, got)
			}
		}
	}
}

func TestPicturesAreSentAsTheyAre(t *testing.T) {
	assets, files := madeUp(t)
	s := buildFrom(t, assets, files)
	for name := range pictures {
		path, want := "/web/hash."+name, string(files["hash."+name].Data)
		etag := ask(s, "GET", path).Header.Get("ETag")
		for _, accept := range []string{"", "gzip", "br"} {
			resp := ask(s, "GET", path, "Accept-Encoding", accept)
			h := resp.Header
			if h.Get("Content-Type") != "image/png" || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Content-Encoding") != "" || h.Get("Vary") != "" || h.Get("ETag") != etag {
				t.Errorf("%s for %q: headers are %v", name, accept, h)
			}
			if text(t, resp) != want {
				t.Errorf("%s for %q is not the picture", name, accept)
			}
			for header, status := range map[string]int{etag: 304, "W/" + etag: 304, `"other"`: 200} {
				if resp := ask(s, "GET", path, "Accept-Encoding", accept, "If-None-Match", header); resp.StatusCode != status {
					t.Errorf("%s for %q if none matches %s: %d", name, accept, header, resp.StatusCode)
				}
			}
		}
		if resp := ask(s, "GET", path, "Range", "bytes=1-3"); resp.StatusCode != 206 || text(t, resp) != "PNG" {
			t.Errorf("a part of %s: %d", name, resp.StatusCode)
		}
	}
}

func TestADamagedAssetIsNotKept(t *testing.T) {
	a, err := newAsset(fstest.MapFS{"a.js.br": {}, "a.js.gz": {Data: []byte("no gzip")}}, web.Asset{Path: "/web/a.js", Type: kinds["app.js"], File: "a.js"})
	if err != nil {
		t.Fatal(err)
	}
	resp := ask(a, "GET", "/web/a.js")
	if resp.StatusCode != http.StatusInternalServerError || resp.Header.Get("Cache-Control") != "" || resp.Header.Get("ETag") != "" {
		t.Errorf("%d, headers %v", resp.StatusCode, resp.Header)
	}
}
