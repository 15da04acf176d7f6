package rtc

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/streamcat/streamcat/internal/media"
)

// stills makes pictures that say "as before": P pictures of skipped macroblocks only (ITU-T H.264 §7.3.4).
// They take the place of those that a publisher does not send while its camera stands still or is muted,
// since players need pictures to go on. Nothing refers to them, so that the publisher's next picture
// decodes as if they were not there.
type stills struct {
	track *media.Track // what the fields below are of
	ok    bool         // this kind of stream can be continued
	sps   h264.SPS
	mbs   uint32 // macroblocks of a picture

	id                                          uint32 // of the picture parameter set
	cabac, bottom, weighted, deblock, redundant bool
	initQP                                      int32

	seen     bool // a picture has come
	frameNum uint32
	count    uint32 // picture order count, its lower bits
	refers   bool   // the newest picture is one that others refer to
}

// configure reads a track's parameter sets.
func (s *stills) configure(t *media.Track) {
	*s = stills{track: t}
	if s.sps.Unmarshal(t.SPS) != nil || len(t.PPS) < 2 {
		return
	}
	r := bitReader{b: t.PPS[1:]}
	s.id = r.ue()
	r.ue()
	s.cabac, s.bottom = r.bit() == 1, r.bit() == 1
	groups := r.ue()
	r.ue()
	r.ue()
	s.weighted = r.bit() == 1
	r.bits(2)
	s.initQP = 26 + r.se()
	r.se()
	r.se()
	s.deblock = r.bit() == 1
	r.bit()
	s.redundant = r.bit() == 1
	p := &s.sps
	s.mbs = (p.PicWidthInMbsMinus1 + 1) * (p.PicHeightInMapUnitsMinus1 + 1)
	s.ok = r.err == nil && groups == 0 && p.FrameMbsOnlyFlag && p.PicOrderCntType != 1 && p.MaxNumRefFrames > 0 &&
		!p.SeparateColourPlaneFlag && p.BitDepthLumaMinus8 == 0 && p.BitDepthChromaMinus8 == 0 &&
		p.Log2MaxFrameNumMinus4 <= 12 && p.Log2MaxPicOrderCntLsbMinus4 <= 12
}

// follow takes note of a picture by its first slice.
func (s *stills) follow(t *media.Track, slice []byte) {
	if t != s.track {
		s.configure(t)
	}
	s.seen = false
	if !s.ok || len(slice) < 2 {
		return
	}
	r := bitReader{b: slice[1:min(len(slice), 64)]}
	r.ue() // first macroblock
	r.ue() // slice type
	r.ue() // picture parameter set
	s.frameNum = r.bits(int(s.sps.Log2MaxFrameNumMinus4) + 4)
	if slice[0]&0x1F == nalIDR {
		r.ue()
	}
	if s.sps.PicOrderCntType == 0 {
		s.count = r.bits(int(s.sps.Log2MaxPicOrderCntLsbMinus4) + 4)
	}
	s.refers = slice[0]&0x60 != 0
	s.seen = r.err == nil
}

// make gives the payload of a frame that looks like the one before, or nil where that cannot be made.
func (s *stills) make() []byte {
	if !s.ok || !s.seen {
		return nil
	}
	w := bitWriter{b: make([]byte, 5, 64)}
	w.b[4] = nalSlice // which nothing refers to
	w.ue(0)
	w.ue(5) // P, as all slices of this picture
	w.ue(s.id)
	frameNum := s.frameNum
	if s.refers {
		frameNum++
	}
	w.bits(frameNum, int(s.sps.Log2MaxFrameNumMinus4)+4)
	if s.sps.PicOrderCntType == 0 {
		w.bits(s.count+1, int(s.sps.Log2MaxPicOrderCntLsbMinus4)+4) // encoders count in steps of two
		if s.bottom {
			w.se(0)
		}
	}
	if s.redundant {
		w.ue(0)
	}
	w.bits(1, 1) // one reference picture, the newest
	w.ue(0)
	w.bits(0, 1) // in the usual order
	if s.weighted {
		w.ue(0)
		chroma := s.sps.ChromaFormatIdc != 0 || !hasChromaFormat(s.sps.ProfileIdc)
		if chroma {
			w.ue(0)
		}
		w.bits(0, 1)
		if chroma {
			w.bits(0, 1)
		}
	}
	if s.cabac {
		w.ue(0)
		w.se(skipQP - s.initQP)
	} else {
		w.se(0)
	}
	if s.deblock {
		w.ue(1) // not needed
	}
	if s.cabac {
		w.skipAll(s.mbs)
	} else {
		w.ue(s.mbs)
		w.bits(1, 1)
	}
	b := escape(w.b, 5)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func hasChromaFormat(profile uint8) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128:
		return true
	}
	return false
}

// escape puts in the emulation prevention bytes of a NAL unit whose payload begins at from (§7.4.1).
func escape(b []byte, from int) []byte {
	out := append(make([]byte, 0, len(b)+len(b)/2), b[:from]...)
	zeros := 0
	for _, c := range b[from:] {
		if zeros >= 2 && c <= 3 {
			out = append(out, 3)
			zeros = 0
		}
		if out = append(out, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// bitWriter appends bits to whole bytes; the unused ones of the last are zero.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

func (w *bitWriter) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>i&1) << w.free
	}
}

func (w *bitWriter) ue(v uint32) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

func (w *bitWriter) se(v int32) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
	} else {
		w.ue(uint32(-2 * v))
	}
}

// At the coarsest quantizer, skipping is what the arithmetic coder expects most (§9.3.1.1, context 11 of
// cabac_init_idc 0): state 42, and it only learns.
const (
	skipQP    = 51
	skipState = 42
)

// skipRanges are the rows of table 9-44 from state 42 on.
var skipRanges = [...][4]uint32{
	{16, 20, 23, 27},
	{15, 19, 22, 25},
	{14, 18, 21, 24},
	{14, 17, 20, 23},
	{13, 16, 19, 22},
	{12, 15, 18, 21},
	{12, 14, 17, 20},
	{11, 14, 16, 19},
	{11, 13, 15, 18},
	{10, 12, 15, 17},
	{10, 12, 14, 16},
	{9, 11, 13, 15},
	{9, 11, 12, 14},
	{8, 10, 12, 14},
	{8, 9, 11, 13},
	{7, 9, 11, 12},
	{7, 9, 10, 12},
	{7, 8, 10, 11},
	{6, 8, 9, 11},
	{6, 7, 9, 10},
	{6, 7, 8, 9},
}

// skipAll writes the data of a slice of n skipped macroblocks with the arithmetic coder (§9.3.4.2).
func (w *bitWriter) skipAll(n uint32) {
	for w.free > 0 {
		w.bits(1, 1)
	}
	c := arithmetic{w: w, span: 510, first: true}
	state := 0
	for i := range n {
		c.span -= skipRanges[state][c.span>>6&3]
		c.renormalize()
		state = min(state+1, len(skipRanges)-1)
		c.span -= 2 // the end of the slice
		if i == n-1 {
			c.low += c.span
			c.span = 2
		}
		c.renormalize()
	}
	c.put(c.low >> 9 & 1)
	w.bits(c.low>>7&3|1, 2) // with the stop bit
}

// arithmetic is the coder's state.
type arithmetic struct {
	w         *bitWriter
	low, span uint32
	waiting   int // bits that a carry may still turn over
	first     bool
}

func (c *arithmetic) renormalize() {
	for c.span < 256 {
		switch {
		case c.low < 256:
			c.put(0)
		case c.low >= 512:
			c.low -= 512
			c.put(1)
		default:
			c.low -= 256
			c.waiting++
		}
		c.span <<= 1
		c.low <<= 1
	}
}

func (c *arithmetic) put(bit uint32) {
	if c.first {
		c.first = false
	} else {
		c.w.bits(bit, 1)
	}
	for ; c.waiting > 0; c.waiting-- {
		c.w.bits(1-bit, 1)
	}
}
