package bwe

import (
	"encoding/binary"
	"errors"
)

// errFeedback is for a message that is cut short or contradicts itself.
var errFeedback = errors.New("bwe: the transport feedback is not valid")

const (
	headerSize = 8
	tick       = 250       // µs, of a delta
	reference  = 64 * 1000 // µs, of the reference time
)

// Statuses of packets (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.1).
const (
	notReceived = iota
	smallDelta
	largeDelta
)

// message is a parsed feedback message.
type message struct {
	base           uint16 // number of the first packet it speaks of
	count          int    // of how many
	reference      uint32 // 24 bits, in 64 ms
	chunks, deltas []byte
}

// parse reads what follows the SSRCs of an RTCP packet of type 205 and format 15 (§3.1).
func parse(b []byte) (m message, err error) {
	if len(b) < headerSize {
		return m, errFeedback
	}
	m = message{
		base:      binary.BigEndian.Uint16(b),
		count:     int(binary.BigEndian.Uint16(b[2:])),
		reference: binary.BigEndian.Uint32(b[4:]) >> 8,
	}
	at := headerSize
	for n := 0; n < m.count; at += 2 {
		if at+2 > len(b) {
			return m, errFeedback
		}
		n += chunkLength(binary.BigEndian.Uint16(b[at:]))
	}
	m.chunks, m.deltas = b[headerSize:at], b[at:]
	return m, nil
}

// chunkLength is how many packets a chunk speaks of, at least (§3.1.3, §3.1.4).
func chunkLength(chunk uint16) int {
	switch {
	case chunk&0x8000 == 0:
		return int(chunk & 0x1FFF)
	case chunk&0x4000 == 0:
		return 14
	}
	return 7
}

// status gives what a chunk says of its ith packet.
func status(chunk uint16, i int) int {
	switch {
	case chunk&0x8000 == 0:
		return int(chunk>>13) & 3
	case chunk&0x4000 == 0:
		return int(chunk>>(13-i)) & 1
	}
	return int(chunk>>(12-2*i)) & 3
}

// each visits all packets in order; arrived is in µs since the reference time.
func (m *message) each(visit func(number uint16, received bool, arrived int64)) error {
	number, left, deltas, at := m.base, m.count, m.deltas, int64(0)
	for chunks := m.chunks; len(chunks) >= 2 && left > 0; chunks = chunks[2:] {
		chunk := binary.BigEndian.Uint16(chunks)
		n := min(chunkLength(chunk), left)
		for i := range n {
			s := status(chunk, i)
			switch s {
			case smallDelta:
				if len(deltas) < 1 {
					return errFeedback
				}
				at += int64(deltas[0]) * tick
				deltas = deltas[1:]
			case largeDelta:
				if len(deltas) < 2 {
					return errFeedback
				}
				at += int64(int16(binary.BigEndian.Uint16(deltas))) * tick
				deltas = deltas[2:]
			}
			visit(number, s == smallDelta || s == largeDelta, at)
			number++
		}
		left -= n
	}
	return nil
}
