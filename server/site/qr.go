package site

import (
	"bytes"
	"fmt"
	"image/color"
	"net/http"

	"github.com/boombuler/barcode/qr"

	"rollcall/shared/event"
)

// serveQR answers with the QR code of the address of a room.
func (s *Site) serveQR(w http.ResponseWriter, r *http.Request) {
	room, ok := event.ParseRoom(r.PathValue("room"))
	if !ok {
		s.serveNotFound(w, r)
		return
	}
	picture, err := drawQR(s.base(r) + event.RoomPath(room))
	if err != nil {
		http.Error(w, "The address of this server is too long for a QR code.", http.StatusBadRequest)
		return
	}
	// The address depends on the host that was asked for.
	w.Header().Set("Cache-Control", "private, max-age=300")
	newDocument("image/svg+xml", picture, fastCompression).serve(w, r, http.StatusOK)
}

// quietZone is how many modules around a code must be white (ISO/IEC 18004).
const quietZone = 4

// drawQR returns the QR code of text as an SVG in which a module is one unit. It is black
// on white in dark pages too, since not all readers take the reverse. The text itself is
// not in the SVG.
func drawQR(text string) ([]byte, error) {
	// Level M can be read when 15 % are hidden, as by glare.
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	size := code.Bounds().Dx()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="`, size+2*quietZone)
	for y := range size {
		for x := 0; x < size; x++ {
			start := x
			for x < size && code.At(x, y) == color.Black {
				x++
			}
			if x > start {
				fmt.Fprintf(&b, "M%d %dh%dv1H%[1]dz", start+quietZone, y+quietZone, x-start)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}
