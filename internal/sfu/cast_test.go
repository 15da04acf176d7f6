package sfu

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cast is a publisher's simulcast: three encodings of one picture, with numbers and times of their own, near
// their wraps, at 30 pictures a second.
type cast struct {
	*clock
	source *Source
	layers [3]*encoding
	frame  int
}

type encoding struct {
	up    *Up
	asked int
	seq   uint16
	ts    uint32
	sent  int // packets so far
}

// sides are the encodings' heights; their widths are twice that.
var sides = [3]int{180, 360, 720}

func newCast() *cast {
	c := &cast{clock: newClock(), source: NewSource()}
	for i := range c.layers {
		e := &encoding{seq: uint16(65_500 + 10*i), ts: uint32(0xFFFF_0000 + 5000*i)}
		e.up = NewUp(UpOptions{Kind: Video, KeyFrame: func() { e.asked++ }, Now: c.now})
		e.up.size.packed.Store(uint64(2*sides[i])<<32 | uint64(sides[i]))
		c.layers[i] = e
		c.source.Add(e.up, nil)
	}
	return c
}

// report sends a sender report of an encoding: each says the same of the same picture.
func (c *cast) report(i int) {
	e := c.layers[i]
	e.up.SenderReport(uint64(1000+c.frame/30)<<32+uint64(c.frame%30)<<32/30, e.ts, c.now())
}

// picture sends a picture of all encodings, a key frame of those that are named, and lets its time pass. An encoding
// has as many packets a picture as 1 << its index.
func (c *cast) picture(keys ...int) {
	for i, e := range c.layers {
		for n := range 1 << i {
			kind := slice
			for _, k := range keys {
				if k == i && n == 0 {
					kind = sps
				}
			}
			c.put(i, kind, n == 1<<i-1)
		}
		e.ts += 3000
	}
	c.pass()
}

func (c *cast) pass() {
	c.frame++
	c.add(time.Second / 30)
}

func (c *cast) put(i int, kind string, marker bool) {
	e := c.layers[i]
	e.up.Write(wire(e.seq, e.ts, marker, payloadOf(kind, i, c.frame, e.sent)), c.now())
	e.seq++
	e.sent++
}

// run sends pictures without key frames for a while.
func (c *cast) run(d time.Duration) {
	for range int(d * 30 / time.Second) {
		c.picture()
	}
}

// nonsense keeps what follows from being read as a parameter set.
const nonsense = "\x00\x00\x00\x00\x00\x00\x00\x00"

func payloadOf(kind string, layer, frame, nth int) string {
	return fmt.Sprintf("%s%s%d/%d/%d", kind, nonsense, layer, frame, nth)
}

// layer gives which encoding a packet is of, frame which of its pictures, nth which of its packets it is.
func (o out) layer() int { return o.part(0) }
func (o out) frame() int { return o.part(1) }
func (o out) nth() int   { return o.part(2) }

func (o out) part(i int) int {
	n, err := strconv.Atoi(strings.Split(o.payload[1+len(nonsense):], "/")[i])
	if err != nil {
		panic(err)
	}
	return n
}

// room is a Line that has as much as it is told.
type room struct{ bps, wanted int }

func (r *room) Room(_ time.Time, want int) int {
	r.wanted = want
	return r.bps
}

func (c *cast) down(l Line) (*Down, *slip) {
	s := &slip{}
	return NewDown(DownOptions{Kind: Video, Line: l, Now: c.now}, s), s
}

// wantOnly fails unless all packets are of one encoding.
func wantOnly(t *testing.T, got []out, layer int) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("nothing came")
	}
	for _, o := range got {
		if o.layer() != layer {
			t.Fatalf("%q, want only packets of %d", o.payload, layer)
		}
	}
	wantContinuous(t, got)
}
