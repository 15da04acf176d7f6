package transcode

import (
	"io"
	"math"
)

// The colours of a slate, as luma and two chroma values of video range (ITU-R BT.709).
var (
	slateTop    = [3]byte{26, 133, 127} // a night sky
	slateBottom = [3]byte{40, 138, 124}
	slateCat    = [3]byte{146, 156, 98}
	slateDark   = [3]byte{30, 134, 126}
)

// canvas is a picture in planes: luma, and two of chroma at half the size.
type canvas struct {
	w, h   int // even
	planes [3][]byte
}

func newCanvas(w, h int) *canvas {
	return &canvas{w, h, [3][]byte{make([]byte, w*h), make([]byte, w*h/4), make([]byte, w*h/4)}}
}

// shape tells how far a point is outside, in pixels; below zero it is inside.
type shape func(x, y float64) float64

func disc(cx, cy, r float64) shape {
	return func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) - r }
}

// corner is the triangle between three points that stand in clockwise order on the screen.
func corner(p [3][2]float64) shape {
	return func(x, y float64) float64 {
		out := math.Inf(-1)
		for i := range 3 {
			a, b := p[i], p[(i+1)%3]
			dx, dy := b[0]-a[0], b[1]-a[1]
			out = max(out, ((x-a[0])*dy-(y-a[1])*dx)/math.Hypot(dx, dy))
		}
		return out
	}
}

// lid is the lower half of a ring: an eye that is closed.
func lid(cx, cy, r, thick float64) shape {
	return func(x, y float64) float64 {
		return max(math.Abs(math.Hypot(x-cx, y-cy)-r)-thick, cy-y)
	}
}

// fill paints a shape within a box of luma pixels, with soft edges.
func (c *canvas) fill(s shape, colour [3]byte, opacity, left, top, right, bottom float64) {
	for i := range c.planes {
		step := 2
		if i == 0 {
			step = 1
		}
		width := c.w / step
		x0, x1 := max(int(left)/step, 0), min(int(right)/step+1, width)
		y0, y1 := max(int(top)/step, 0), min(int(bottom)/step+1, c.h/step)
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				half := float64(step) / 2
				out := s(float64(x*step)+half, float64(y*step)+half)
				cover := min(max(0.5-out/float64(step), 0), 1) * opacity
				if cover == 0 {
					continue
				}
				p := &c.planes[i][y*width+x]
				*p = byte(math.Round(float64(*p)*(1-cover) + float64(colour[i])*cover))
			}
		}
	}
}

// drawSlate writes the pictures of a loop as yuv420p: a cat that sleeps, and three dots that say that it
// goes on. There is no text, since nobody knows the viewers' languages.
func drawSlate(w io.Writer, width, height, frames int) error {
	still := newCanvas(width, height)
	for i := range still.planes {
		step := 2
		if i == 0 {
			step = 1
		}
		row := width / step
		for y := range height / step {
			down := float64(y*step) / float64(height)
			// A little noise of the row hides the steps of the gradient.
			value := float64(slateTop[i])*(1-down) + float64(slateBottom[i])*down
			for x := range row {
				still.planes[i][y*row+x] = byte(value + float64((x^y)&1)*0.5)
			}
		}
	}
	unit := float64(min(width, height))
	cx, cy, r := float64(width)/2, float64(height)/2-unit*0.05, unit*0.13
	box := func(s shape, colour [3]byte) {
		still.fill(s, colour, 1, cx-2*r, cy-2*r, cx+2*r, cy+2*r)
	}
	for _, side := range []float64{-1, 1} {
		ear := [3][2]float64{{cx + side*r*0.95, cy - r*1.35}, {cx + side*r*0.98, cy}, {cx + side*r*0.12, cy - r*0.8}}
		if side < 0 {
			ear[1], ear[2] = ear[2], ear[1]
		}
		box(corner(ear), slateCat)
	}
	box(disc(cx, cy, r), slateCat)
	for _, side := range []float64{-1, 1} {
		box(lid(cx+side*r*0.42, cy-r*0.05, r*0.22, r*0.045), slateDark)
	}
	box(disc(cx, cy+r*0.38, r*0.09), slateDark)

	picture := newCanvas(width, height)
	for n := range frames {
		for i := range picture.planes {
			copy(picture.planes[i], still.planes[i])
		}
		for k := range 3 {
			phase := 2*math.Pi*float64(n)/float64(frames) - float64(k)*0.9
			x, y, dot := cx+float64(k-1)*unit*0.06, cy+unit*0.24, unit*0.012
			picture.fill(disc(x, y, dot), slateCat, 0.25+0.75*math.Pow((1+math.Cos(phase))/2, 2), x-2*dot, y-2*dot, x+2*dot, y+2*dot)
		}
		for _, plane := range picture.planes {
			if _, err := w.Write(plane); err != nil {
				return err
			}
		}
	}
	return nil
}
