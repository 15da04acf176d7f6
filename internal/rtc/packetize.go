package rtc

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	rtpPacketSize = 1200 // bytes at most, header included: what browsers choose, for lines with tunnels in them
	rtpPayload    = rtpPacketSize - rtpHeaderSize

	// senderReports is how often a Packetizer reports: more often than readers tell their own subscribers.
	senderReports = 500 * time.Millisecond
)

// Packetizer makes RTP of the frames of one track, H.264 (RFC 6184, packetization mode 1) or Opus (RFC 7587), for
// a Sink that knows no other publishers than those of WebRTC. It is used by one goroutine, and allocates nothing per
// packet.
//
// A key frame begins with all parameter sets of its track, as one STAP-A where they fit. Timestamps are the frames'
// PTS, so that pictures must come in the order in which they are shown.
type Packetizer struct {
	sink   Sink
	rate   int64     // of timestamps, per second
	origin time.Time // when the frames' timeline is at zero
	base   uint32    // the timestamp then

	track    *media.Track // whose sets these are
	sets     [][]byte
	bundled  []byte // the sets as one STAP-A; empty: too long for that
	reported time.Duration
	begun    bool

	arrived time.Time // of the present frame
	seq     uint16
	packet  [rtpPacketSize]byte
}

// NewPacketizer makes one for a track of a kind. Readers keep tracks in step whose packetizers share the origin:
// the time, by any clock, when the timeline of their frames is at zero.
func NewPacketizer(k Kind, origin time.Time, sink Sink) *Packetizer {
	p := &Packetizer{sink: sink, rate: 90_000, origin: origin, base: rand.Uint32(), seq: uint16(rand.Uint32())}
	if k == Audio {
		p.rate = 48_000
	}
	p.packet[0], p.packet[1] = 2<<6, 96 // the payload type is no reader's concern
	binary.BigEndian.PutUint32(p.packet[8:], rand.Uint32())
	return p
}

// Write sends a frame. Of a payload that is none of its codec, as much goes out as can be read.
func (p *Packetizer) Write(f *media.Frame) {
	stamp := p.base + uint32(p.ticks(f.PTS))
	binary.BigEndian.PutUint32(p.packet[4:], stamp)
	p.arrived = f.Arrived
	p.report(f.PTS, stamp)
	if f.Track.Codec != media.H264 {
		if len(f.Payload) > 0 && len(f.Payload) <= rtpPayload { // no sound is longer
			p.send(copy(p.packet[rtpHeaderSize:], f.Payload), false)
		}
		return
	}
	if f.Key {
		p.parameters(f.Track)
	}
	for b := f.Payload; len(b) > 4; {
		n := uint64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n == 0 || n > uint64(len(b)) {
			return
		}
		p.unit(b[:n], len(b) == int(n))
		b = b[n:]
	}
}

// ticks gives the nearest timestamp to a time that is not negative.
func (p *Packetizer) ticks(t time.Duration) int64 {
	return int64(t/time.Second)*p.rate + (int64(t%time.Second)*p.rate+int64(time.Second)/2)/int64(time.Second)
}

// report tells which timestamp belongs to which time.
func (p *Packetizer) report(at time.Duration, stamp uint32) {
	if p.begun && at-p.reported < senderReports {
		return
	}
	p.begun, p.reported = true, at
	p.sink.SenderReport(ntpTime(p.origin.Add(at)), stamp, p.arrived)
}

// ntpTime gives a time in NTP's format of 64 bits (RFC 5905 §6).
func ntpTime(t time.Time) uint64 {
	const since1900 = 2_208_988_800 // seconds from 1900 to 1970
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// parameters sends a track's parameter sets.
func (p *Packetizer) parameters(t *media.Track) {
	if t != p.track {
		p.track, p.sets = t, parameterSetsOf(t)
		p.bundled = stapOf(p.bundled[:0], p.sets)
	}
	if len(p.bundled) > 0 {
		p.send(copy(p.packet[rtpHeaderSize:], p.bundled), false)
		return
	}
	for _, set := range p.sets {
		p.unit(set, false)
	}
}

// parameterSetsOf gives all parameter sets of a track: those of its decoder configuration (ISO/IEC 14496-15 §5.3.3.1),
// or the two that it has at least.
func parameterSetsOf(t *media.Track) (sets [][]byte) {
	b := t.Config
	if len(b) < 6 {
		return [][]byte{t.SPS, t.PPS}
	}
	n := int(b[5] & 0x1F)
	b = b[6:]
	for _, kind := range []byte{nalSPS, nalPPS} {
		for range n {
			if len(b) < 3 {
				return [][]byte{t.SPS, t.PPS}
			}
			size := int(binary.BigEndian.Uint16(b))
			if size == 0 || size > len(b)-2 || b[2]&0x1F != kind {
				return [][]byte{t.SPS, t.PPS}
			}
			sets = append(sets, b[2:2+size])
			b = b[2+size:]
		}
		if n = 0; len(b) > 0 {
			n, b = int(b[0]), b[1:]
		}
	}
	if len(sets) < 2 {
		return [][]byte{t.SPS, t.PPS}
	}
	return sets
}

// stapOf makes one payload of several NAL units (RFC 6184 §5.7.1), or nothing if they are too long for a packet.
func stapOf(b []byte, units [][]byte) []byte {
	b = append(b, nalSTAPA)
	for _, u := range units {
		if len(u) == 0 || len(b)+2+len(u) > rtpPayload {
			return b[:0]
		}
		b[0] = max(b[0]&0x60, u[0]&0x60) | nalSTAPA // as important as the most important
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(u))), u...)
	}
	return b
}

// unit sends a NAL unit: whole, or in fragments of equal length (RFC 6184 §5.6, §5.8). last says that the picture
// ends with it.
func (p *Packetizer) unit(nal []byte, last bool) {
	if len(nal) == 0 {
		return
	}
	if len(nal) <= rtpPayload {
		p.send(copy(p.packet[rtpHeaderSize:], nal), last)
		return
	}
	const head = 2
	indicator, kind := nal[0]&0xE0|nalFUA, nal[0]&0x1F
	rest := nal[1:]
	for parts := (len(rest) + rtpPayload - head - 1) / (rtpPayload - head); parts > 0; parts-- {
		n := (len(rest) + parts - 1) / parts
		header := kind
		if len(rest) == len(nal)-1 {
			header |= 0x80
		}
		if parts == 1 {
			header |= 0x40
		}
		p.packet[rtpHeaderSize], p.packet[rtpHeaderSize+1] = indicator, header
		p.send(head+copy(p.packet[rtpHeaderSize+head:], rest[:n]), last && parts == 1)
		rest = rest[n:]
	}
}

// send writes the packet whose payload of n bytes is in place.
func (p *Packetizer) send(n int, marker bool) {
	p.packet[1] &^= 0x80
	if marker {
		p.packet[1] |= 0x80
	}
	p.seq++
	binary.BigEndian.PutUint16(p.packet[2:], p.seq)
	p.sink.Write(p.packet[:rtpHeaderSize+n], p.arrived)
}
