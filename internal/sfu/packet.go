package sfu

import (
	"encoding/binary"
	"math/bits"
)

// view is a parsed packet, still in its caller's memory.
type view struct {
	seq         uint16
	ts          uint32
	marker      bool
	paddingOnly bool
	level       int16 // the byte of RFC 6464 §3: voice activity, and 0 to 127 for 0 to -127 dBov; noLevel: none
	payload     []byte
}

const (
	maxPacket  = 1500 // bytes; longer ones fit no subscriber's path
	minHeader  = 12
	rtpVersion = 2

	noLevel = -1
)

// parse reads a whole RTP packet (RFC 3550 §5.1). Header extensions that make no sense are as good as
// none: the media behind them may still be whole.
func parse(b []byte, levelID uint8) (v view, ok bool) {
	if len(b) < minHeader || len(b) > maxPacket || b[0]>>6 != rtpVersion {
		return v, false
	}
	v = view{
		seq:    binary.BigEndian.Uint16(b[2:]),
		ts:     binary.BigEndian.Uint32(b[4:]),
		marker: b[1]&0x80 != 0,
		level:  noLevel,
	}
	at := minHeader + 4*int(b[0]&0x0F) // over the contributing sources
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return v, false
		}
		profile := binary.BigEndian.Uint16(b[at:])
		end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
		if len(b) < end {
			return v, false
		}
		if levelID != 0 {
			v.level = audioLevel(b[at+4:end], profile, levelID)
		}
		at = end
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		size := int(b[end-1])
		if size == 0 {
			return v, false
		}
		end -= size
	}
	if at > end {
		return v, false
	}
	v.payload = b[at:end]
	v.paddingOnly = len(v.payload) == 0
	return v, true
}

// audioLevel finds the byte of RFC 6464 §3 in the one-byte and the two-byte form of RFC 8285 §4.2, §4.3.
func audioLevel(ext []byte, profile uint16, id uint8) int16 {
	var twoByte bool
	switch {
	case profile == 0xBEDE:
	case profile&0xFFF0 == 0x1000:
		twoByte = true
	default:
		return noLevel
	}
	for i := 0; i < len(ext); {
		if ext[i] == 0 { // padding
			i++
			continue
		}
		var element uint8
		var size int
		if twoByte {
			if i+1 >= len(ext) {
				return noLevel
			}
			element, size = ext[i], int(ext[i+1])
			i += 2
		} else {
			element, size = ext[i]>>4, int(ext[i]&0x0F)+1
			i++
			if element == 15 || element == 0 { // reserved: nothing after it may be read
				return noLevel
			}
		}
		if i+size > len(ext) {
			return noLevel
		}
		if element == id && size > 0 {
			return int16(ext[i])
		}
		i += size
	}
	return noLevel
}

// NAL unit types of H.264 (ITU-T H.264 table 7-1) and of its RTP payload (RFC 6184 §5.2).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// contents is what a packet of H.264 holds.
type contents struct {
	sps bool // a sequence parameter set
	idr bool // the beginning of a slice of a key frame
	b   bool // that of a B slice
}

// add takes the beginning of a NAL unit of a type.
func (c *contents) add(nal uint8, rest []byte) {
	c.sps = c.sps || nal == nalSPS
	c.idr = c.idr || nal == nalIDR
	c.b = c.b || nal == nalSlice && bSlice(rest)
}

// bSlice says whether a slice is a B slice, by its header without the NAL unit's: two numbers in Exp-Golomb code, which macroblock it
// begins with and its type (ITU-T H.264 §7.3.3, §9.1, table 7-6).
func bSlice(header []byte) bool {
	var memory [8]byte
	copy(memory[:], header)
	word := binary.BigEndian.Uint64(memory[:])
	first := bits.LeadingZeros64(word)
	if first > 24 { // no picture has so many macroblocks
		return false
	}
	word <<= 2*first + 1
	zeros := bits.LeadingZeros64(word)
	if zeros > 3 { // there are ten types
		return false
	}
	kind := word>>(63-2*zeros) - 1
	return kind == 1 || kind == 6
}

// h264 looks into single NAL units, STAP-A and FU-A: all that packetization modes 0 and 1 have.
func h264(payload []byte) (c contents) {
	if len(payload) == 0 {
		return c
	}
	switch nal := payload[0] & 0x1F; nal {
	case nalSTAPA:
		for rest := payload[1:]; len(rest) > 2; {
			size := int(binary.BigEndian.Uint16(rest))
			if size == 0 || size > len(rest)-2 {
				return c
			}
			c.add(rest[2]&0x1F, rest[3:2+size])
			rest = rest[2+size:]
		}
	case nalFUA:
		if len(payload) > 1 && payload[1]&0x80 != 0 { // start
			c.add(payload[1]&0x1F, payload[2:])
		}
	default:
		c.add(nal, payload[1:])
	}
	return c
}
