package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
)

// markFile is the one drawing that all icons are made from. It is drawn in
// currentColor, and is the icon of the page's tab as it is. oksvg reads it, so
// its corners need both rx and ry, and its style has no rules but the dark one.
const markFile = "icon.svg"

// icon is a picture of the mark, for where an SVG will not do.
type icon struct {
	size   int
	corner float64 // radius of the tile's corners, as a part of the size
	mark   float64 // side of the mark, as a part of the size
	bare   bool    // no tile: the mark alone, on nothing
}

// The mark of a maskable icon stays inside the circle of 80 % that no mask cuts
// off: with half the side its corners are 71 % out. Apple rounds corners itself
// and shows what is transparent in black. Of a badge only the shape is shown.
var icons = map[string]icon{
	"icon-192.png":         {size: 192, corner: .225, mark: .56},
	"icon-512.png":         {size: 512, corner: .225, mark: .56},
	"maskable-192.png":     {size: 192, mark: .48},
	"maskable-512.png":     {size: 512, mark: .48},
	"apple-touch-icon.png": {size: 180, mark: .54},
	"badge-96.png":         {size: 96, mark: .84, bare: true},
}

var (
	tile = color.RGBA{0x1f, 0x6b, 0x57, 0xff} // the page's accent
	ink  = "#ffffff"
)

// draw returns the icon as a PNG.
func (i icon) draw(mark []byte) ([]byte, error) {
	drawing, err := oksvg.ReadReplacingCurrentColor(bytes.NewReader(mark), ink, oksvg.StrictErrorMode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", markFile, err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, i.size, i.size))
	scanner := rasterx.NewScannerGV(i.size, i.size, picture, picture.Bounds())
	size := float64(i.size)
	if !i.bare {
		filler := rasterx.NewFiller(i.size, i.size, scanner)
		filler.SetColor(tile)
		corner := i.corner * size
		rasterx.AddRoundRect(0, 0, size, size, corner, corner, 0, rasterx.RoundGap, filler)
		filler.Draw()
	}
	side := i.mark * size
	drawing.SetTarget((size-side)/2, (size-side)/2, side, side)
	// oksvg scales shapes but not the lines along them.
	scale := side / drawing.ViewBox.W
	for j := range drawing.SVGPaths {
		line := &drawing.SVGPaths[j].PathStyle
		line.LineWidth *= scale
		line.DashOffset *= scale
		for k := range line.Dash {
			line.Dash[k] *= scale
		}
	}
	drawing.Draw(rasterx.NewDasher(i.size, i.size, scanner), 1)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&b, picture)
	return b.Bytes(), err
}
