package rtc

import (
	"encoding/binary"
	"time"
)

// rtpPacket is an RTP packet taken apart (RFC 3550 §5.1). Its payload lies in the memory of the packet it
// was read from, without padding.
type rtpPacket struct {
	seq         uint16
	marker      bool
	gap         bool // packets before this one are missing for good
	payloadType uint8
	timestamp   uint32
	payload     []byte
	arrived     time.Time
}

// parseRTP reads a packet; header extensions and contributing sources are stepped over.
func parseRTP(b []byte) (p rtpPacket, ok bool) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return p, false
	}
	at := 12 + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return p, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		padding := int(b[end-1])
		if padding == 0 {
			return p, false
		}
		end -= padding
	}
	if at > end {
		return p, false
	}
	p.marker, p.payloadType = b[1]&0x80 != 0, b[1]&0x7F
	p.seq = binary.BigEndian.Uint16(b[2:])
	p.timestamp = binary.BigEndian.Uint32(b[4:])
	p.payload = b[at:end]
	return p, true
}
