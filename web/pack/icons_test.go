package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// pictures are the icons that were drawn: that takes seconds with the race detector.
var pictures = make(map[string]*image.RGBA)

// drawn returns an icon made from the real mark.
func drawn(t *testing.T, name string) *image.RGBA {
	t.Helper()
	if picture := pictures[name]; picture != nil {
		return picture
	}
	mark, err := os.ReadFile(filepath.Join("..", "static", markFile))
	if err != nil {
		t.Fatal(err)
	}
	b, err := icons[name].draw(mark)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	picture := image.NewRGBA(decoded.Bounds())
	draw.Draw(picture, picture.Bounds(), decoded, image.Point{}, draw.Src)
	pictures[name] = picture
	return picture
}

// tells calls f with every pixel, its distance from the centre as a part of
// the size, and whether it is of the mark: neither tile nor nothing.
func tells(picture *image.RGBA, f func(c color.RGBA, out float64, mark bool)) {
	size := picture.Bounds().Dx()
	for x := range size {
		for y := range size {
			c := picture.RGBAAt(x, y)
			out := math.Hypot(float64(x)+.5-float64(size)/2, float64(y)+.5-float64(size)/2) / float64(size)
			f(c, out, c.A > 0 && c.R > tile.R)
		}
	}
}

func TestEveryIconHasItsSizeAndTheMark(t *testing.T) {
	for name, icon := range icons {
		picture, marked := drawn(t, name), 0
		if picture.Bounds() != image.Rect(0, 0, icon.size, icon.size) {
			t.Errorf("%s is %v", name, picture.Bounds())
		}
		tells(picture, func(_ color.RGBA, _ float64, mark bool) {
			if mark {
				marked++
			}
		})
		// Three squares and the dashes cover two thirds of the mark.
		if part := float64(marked) / math.Pow(icon.mark*float64(icon.size), 2); part < .6 || part > .8 {
			t.Errorf("%s: %.2f of the mark is drawn", name, part)
		}
	}
}

func TestAMaskCutsNothingOffTheMark(t *testing.T) {
	for _, name := range []string{"maskable-192.png", "maskable-512.png"} {
		tells(drawn(t, name), func(c color.RGBA, out float64, mark bool) {
			if c.A != 0xff {
				t.Fatalf("%s is not full: %v", name, c)
			}
			if mark && out > .4 {
				t.Fatalf("%s: the mark reaches %.2f of the size from the centre", name, out)
			}
		})
	}
}

func TestTheAppleIconIsOpaque(t *testing.T) {
	tells(drawn(t, "apple-touch-icon.png"), func(c color.RGBA, _ float64, _ bool) {
		if c.A != 0xff {
			t.Fatalf("it has %v", c)
		}
	})
}

func TestTheCornersOfATileAreCutAway(t *testing.T) {
	for _, name := range []string{"icon-192.png", "icon-512.png"} {
		picture := drawn(t, name)
		for _, at := range []image.Point{{}, {X: picture.Bounds().Dx() - 1}, picture.Bounds().Max.Sub(image.Pt(1, 1))} {
			if picture.RGBAAt(at.X, at.Y).A != 0 {
				t.Errorf("%s is drawn at %v", name, at)
			}
		}
	}
}

// Android paints what is not transparent, in a colour of its own.
func TestTheBadgeIsWhiteOnNothing(t *testing.T) {
	nothing := 0
	tells(drawn(t, "badge-96.png"), func(c color.RGBA, _ float64, _ bool) {
		if c.R != c.A || c.G != c.A || c.B != c.A { // premultiplied
			t.Fatalf("it has %v", c)
		}
		if c.A == 0 {
			nothing++
		}
	})
	if nothing < 96*96/4 {
		t.Errorf("only %d pixels are transparent", nothing)
	}
}

// The dashes are as thick in a large icon as in a small one: the part of the
// circle that they cover does not depend on the size.
func TestLinesGrowWithTheIcon(t *testing.T) {
	covered := func(name string) float64 {
		picture, n := drawn(t, name), 0
		size := picture.Bounds().Dx()
		for x := size / 2; x < size; x++ {
			for y := size / 2; y < size; y++ {
				if picture.RGBAAt(x, y).R > 0x90 {
					n++
				}
			}
		}
		return float64(n) / float64(size*size)
	}
	if small, large := covered("icon-192.png"), covered("icon-512.png"); math.Abs(small-large) > .003 || large < .01 {
		t.Errorf("the dashes cover %.4f and %.4f", small, large)
	}
}

func TestAMarkThatCannotBeDrawnIsAnError(t *testing.T) {
	for _, bad := range []string{"<svg", `<svg viewBox="0 0 40 40"><text>hi</text></svg>`} {
		if _, err := icons["badge-96.png"].draw([]byte(bad)); err == nil {
			t.Errorf("%q was drawn", bad)
		}
	}
}
