//go:build js

// Package rand stands in for crypto/rand: the browser's own source without the
// generators that Go's reads it through.
package rand

import (
	"io"
	"syscall/js"
)

var Reader io.Reader = reader{}

type reader struct{}

// most is how much the browser gives at once.
// https://www.w3.org/TR/webcrypto/#Crypto-method-getRandomValues
const most = 65536

func (reader) Read(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), most)
		array := js.Global().Get("Uint8Array").New(n)
		js.Global().Get("crypto").Call("getRandomValues", array)
		js.CopyBytesToGo(rest[:n], array)
		rest = rest[n:]
	}
	return len(b), nil
}
