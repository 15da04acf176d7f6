package rtc

import (
	"encoding/binary"
	"time"
)

// NAL unit types, ITU-T H.264 table 7-1 and RFC 6184 table 1.
const (
	nalSlice = 1
	nalIDR   = 5
	nalSEI   = 6
	nalSPS   = 7
	nalPPS   = 8
	nalAUD   = 9
	nalSTAPA = 24
	nalFUA   = 28
)

const (
	maxUnit  = 4 << 20 // bytes of an access unit
	keptUnit = 1 << 20 // what is kept to put the next one together
)

// h264Depacketizer puts access units together from RTP packets in order (RFC 6184, packetization modes 0
// and 1). The memory it uses for that it uses again.
type h264Depacketizer struct {
	sets parameterSets

	open      bool // a unit is under construction
	timestamp uint32
	arrived   time.Time // of its newest packet
	broken    bool      // something of it is missing or wrong
	key       bool      // it has an IDR slice
	slice     int       // where its first slice starts in buf; -1: it has none
	fragment  int       // where the NAL unit whose fragments are coming starts, length included; -1: none
	buf       []byte    // NAL units with 4-byte lengths
	gap       bool      // packets are missing before the next one
}

// add takes the next packet. The caller has finished a unit of another timestamp before.
func (d *h264Depacketizer) add(p *rtpPacket) {
	if d.gap = d.gap || p.gap; len(p.payload) == 0 {
		return // padding
	}
	if !d.open {
		if cap(d.buf) > keptUnit {
			d.buf = nil
		}
		d.open, d.timestamp, d.buf = true, p.timestamp, d.buf[:0]
		d.key, d.slice, d.fragment = false, -1, -1
		// What is missing may be this unit's beginning, unless this is what units begin with.
		d.broken = d.gap && !beginsUnit(p.payload)
	} else if d.gap {
		d.broken = true
	}
	d.gap = false
	d.arrived = p.arrived
	if !d.broken {
		d.payload(p.payload)
	}
}

// beginsUnit tells whether a payload holds what comes first in an access unit, and only there.
func beginsUnit(b []byte) bool {
	kind := b[0] & 0x1F
	if kind == nalSTAPA && len(b) > 3 {
		kind = b[3] & 0x1F
	}
	return kind == nalAUD || kind == nalSPS
}

func (d *h264Depacketizer) payload(b []byte) {
	kind := b[0] & 0x1F
	if d.fragment >= 0 && kind != nalFUA {
		d.broken = true // the last fragment never came
		return
	}
	switch {
	case kind >= 1 && kind <= 23:
		d.nal(b)
	case kind == nalSTAPA:
		for b = b[1:]; len(b) > 0; {
			if len(b) < 2 {
				d.broken = true
				return
			}
			n := int(binary.BigEndian.Uint16(b))
			if b = b[2:]; n == 0 || n > len(b) {
				d.broken = true
				return
			}
			d.nal(b[:n])
			b = b[n:]
		}
	case kind == nalFUA:
		d.fua(b)
	default: // of other packetization modes
		d.broken = true
	}
}

// fua takes a fragmentation unit (RFC 6184 §5.8).
func (d *h264Depacketizer) fua(b []byte) {
	if len(b) < 3 {
		d.broken = true
		return
	}
	first, last, kind := b[1]&0x80 != 0, b[1]&0x40 != 0, b[1]&0x1F
	if first != (d.fragment < 0) || kind == 0 || kind > 23 {
		d.broken = true
		return
	}
	if first {
		d.fragment = len(d.buf)
		d.buf = append(d.buf, 0, 0, 0, 0, b[0]&0xE0|kind)
	}
	if !d.room(len(b)) {
		return
	}
	d.buf = append(d.buf, b[2:]...)
	if last {
		at := d.fragment
		d.fragment = -1
		d.whole(at)
	}
}

func (d *h264Depacketizer) room(n int) bool {
	if len(d.buf)+n > maxUnit {
		d.broken = true
	}
	return !d.broken
}

// nal takes a NAL unit that came in one piece.
func (d *h264Depacketizer) nal(b []byte) {
	if !d.room(4 + len(b)) {
		return
	}
	at := len(d.buf)
	d.buf = append(append(d.buf, 0, 0, 0, 0), b...)
	d.whole(at)
}

// whole looks at the NAL unit that lies at the end of buf, from at: slices and what explains them stay,
// parameter sets go to the sets, and delimiters and fillers nowhere.
func (d *h264Depacketizer) whole(at int) {
	nal := d.buf[at+4:]
	kind := nal[0] & 0x1F
	switch {
	case kind >= nalSlice && kind <= nalSEI:
		binary.BigEndian.PutUint32(d.buf[at:], uint32(len(nal)))
		if kind != nalSEI && d.slice < 0 {
			d.slice = at + 4
		}
		d.key = d.key || kind == nalIDR
		return
	case kind == nalSPS:
		d.sets.learnSPS(nal)
	case kind == nalPPS:
		d.sets.learnPPS(nal)
	}
	d.buf = d.buf[:at]
}

// finish ends the unit under construction. It gives false for one that is broken; of one without a
// picture, slice is -1.
func (d *h264Depacketizer) finish() bool {
	d.open = false
	if d.fragment >= 0 {
		d.broken = true
	}
	return !d.broken
}

// firstSlice gives the first slice of a finished unit.
func (d *h264Depacketizer) firstSlice() []byte {
	at := d.slice
	n := int(binary.BigEndian.Uint32(d.buf[at-4:]))
	return d.buf[at : at+n]
}
