package room

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// opcode is the kind of a WebSocket frame (RFC 6455 §5.2).
type opcode byte

const (
	opContinuation opcode = 0
	opText         opcode = 1
	opBinary       opcode = 2
	opClose        opcode = 8
	opPing         opcode = 9
	opPong         opcode = 10
)

// Status codes of close frames (RFC 6455 §7.4.1).
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeBadText  = 1007
	closeTooBig   = 1009
)

const (
	maxControl = 125     // longest payload of a control frame
	keepOfOver = 1 << 10 // what is kept of a message that is too long, to find its request id
	graceOver  = 64      // a message over this many times the limit ends the connection
)

// violation is a breach of the WebSocket protocol by the peer; it ends the connection with its code.
type violation struct {
	code int
	text string
}

func (v *violation) Error() string { return fmt.Sprintf("websocket: %s (%d)", v.text, v.code) }

// appendFrame appends one final, unmasked frame, as servers send them.
func appendFrame(dst []byte, op opcode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n <= maxControl:
		dst = append(dst, byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// textFrame makes the frame that every member of a room is sent for one payload.
func textFrame(payload []byte) []byte {
	return appendFrame(make([]byte, 0, len(payload)+10), opText, payload)
}

// closeFrame makes a close frame; code 0 makes one without a status.
func closeFrame(code int, reason string) []byte {
	if code == 0 {
		return appendFrame(nil, opClose, nil)
	}
	return appendFrame(nil, opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// closeStatus reads a peer's close frame and gives the code to answer with.
func closeStatus(payload []byte) (int, error) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, &violation{closeProtocol, "close frame with half a status"}
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case code < 1000, code > 4999, code == 1004, code == 1005, code == 1006, code > 1014 && code < 3000:
		return 0, &violation{closeProtocol, "close frame with a reserved status"}
	case !utf8.Valid(payload[2:]):
		return 0, &violation{closeBadText, "close reason is not UTF-8"}
	}
	return code, nil
}

// decoder takes a client's bytes in pieces of any size and gives whole messages. Between messages it
// holds no memory of its own; within one it holds what came, never more than the limit.
type decoder struct {
	limit int // bytes of the longest message that is given whole

	head     [14]byte
	headLen  uint8
	fin      bool
	within   bool // a payload is arriving
	op       opcode
	mask     [4]byte
	left     uint64 // bytes of payload still to come
	maskSeen int    // bytes of payload that came, modulo 4

	message opcode // kind of the message whose fragments are arriving; 0 between messages
	over    bool   // that message is too long; only its beginning is kept
	size    uint64 // of that message so far
	body    []byte
	control []byte // of a control frame that came in pieces
}

// taker is handed each whole message or control frame. The payload is its own only until it returns. Of
// a message that is over the limit it gets the beginning.
type taker func(op opcode, payload []byte, over bool) error

// feed takes the next bytes; it unmasks them in place. An error, the taker's or a *violation, leaves the
// decoder unusable.
func (d *decoder) feed(p []byte, take taker) error {
	for {
		if !d.within {
			n, err := d.header(p)
			if err != nil {
				return err
			}
			p = p[n:]
			if !d.within {
				return nil
			}
		}
		n := int(min(d.left, uint64(len(p))))
		piece := p[:n]
		p = p[n:]
		unmask(piece, d.mask, d.maskSeen)
		d.maskSeen = (d.maskSeen + n) & 3
		d.left -= uint64(n)
		if err := d.payload(piece, take); err != nil {
			return err
		}
		if d.left > 0 {
			return nil
		}
		d.within = false
		if len(p) == 0 {
			return nil
		}
	}
}

// header collects the bytes of a frame's header and reads it once it is whole.
func (d *decoder) header(p []byte) (used int, err error) {
	for used < len(p) {
		d.head[d.headLen] = p[used]
		d.headLen++
		used++
		if d.headLen < 2 {
			continue
		}
		need := uint8(2 + 4)
		switch d.head[1] & 0x7f {
		case 126:
			need += 2
		case 127:
			need += 8
		}
		if d.headLen == need {
			d.headLen = 0
			return used, d.begin(d.head[:need])
		}
		if d.headLen == 2 && d.head[1]&0x80 == 0 {
			return used, &violation{closeProtocol, "client frame without a mask"}
		}
	}
	return used, nil
}

// begin judges a whole header and gets ready for the payload.
func (d *decoder) begin(h []byte) error {
	d.fin, d.op = h[0]&0x80 != 0, opcode(h[0]&0x0f)
	switch code := h[1] & 0x7f; code {
	case 126:
		d.left = uint64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		d.left = binary.BigEndian.Uint64(h[2:])
	default:
		d.left = uint64(code)
	}
	copy(d.mask[:], h[len(h)-4:])
	d.maskSeen, d.within = 0, true
	if h[0]&0x70 != 0 {
		return &violation{closeProtocol, "reserved bits are set, but no extension was agreed"}
	}
	switch d.op {
	case opClose, opPing, opPong:
		if !d.fin || d.left > maxControl {
			return &violation{closeProtocol, "control frame is fragmented or too long"}
		}
		return nil
	case opText, opBinary:
		if d.message != 0 {
			return &violation{closeProtocol, "new message within a message"}
		}
		d.message = d.op
	case opContinuation:
		if d.message == 0 {
			return &violation{closeProtocol, "continuation of nothing"}
		}
	default:
		return &violation{closeProtocol, "unknown opcode"}
	}
	if d.left > uint64(d.limit*graceOver)-d.size {
		return &violation{closeTooBig, "message is much too long"}
	}
	d.size += d.left
	if d.size > uint64(d.limit) {
		d.over = true
	}
	return nil
}

// payload takes the next unmasked bytes of a frame and hands on what they complete.
func (d *decoder) payload(piece []byte, take taker) error {
	if d.op >= opClose {
		if d.left > 0 {
			d.control = append(d.control, piece...)
			return nil
		}
		if len(d.control) > 0 {
			piece = append(d.control, piece...)
			d.control = nil
		}
		return take(d.op, piece, false)
	}
	whole := d.left == 0 && d.fin
	if !whole || len(d.body) > 0 {
		room := d.limit
		if d.over {
			room = keepOfOver
		}
		d.body = append(d.body, piece[:min(len(piece), max(0, room-len(d.body)))]...)
		piece = d.body
	}
	if !whole {
		return nil
	}
	message, over := d.message, d.over
	d.message, d.over, d.size, d.body = 0, false, 0, nil
	return take(message, piece, over)
}

// unmask applies the mask of a frame whose first `seen` (modulo 4) payload bytes came earlier.
func unmask(p []byte, mask [4]byte, seen int) {
	var wide [8]byte
	for i := range wide {
		wide[i] = mask[(seen+i)&3]
	}
	key := binary.LittleEndian.Uint64(wide[:])
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^key)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= wide[i]
	}
}
