package rtc

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/streamcat/streamcat/internal/bwe"
)

var (
	errNotConnected = errors.New("rtc: not connected yet")
	errTooLarge     = errors.New("rtc: the packet is too large")
	errForgotten    = errors.New("rtc: the packet cannot be sent as it was")
)

const (
	rtpHeaderSize = 12
	sealSize      = 16 // what SRTP adds at most
	// numberSize is what a packet's number for transport-cc takes (RFC 8285 §4.2): a header, an element of two bytes, and
	// one to fill up. With the sound's level there is another word, which a level by itself does not need.
	numberSize    = 8
	extensionSize = numberSize + 4
	// osnSize is what the repair stream adds: the number of the packet that is sent again (RFC 4588 §4).
	osnSize = 2
	// padSize is how much padding fits in a packet (RFC 3550 §5.1).
	padSize = 255
)

// sender is one outgoing track. What it is given is sealed into its own buffer and sent from there.
type sender struct {
	srv  *Server
	s    *session
	m    *offered
	kind Kind
	ssrc uint32
	pt   uint8
	// stream is the name of what players keep in step (RFC 8830): the first sound and the first picture, the second ones, …
	stream string

	line    *line
	number  uint8 // header extension that numbers packets for transport-cc; 0: none
	rtx     uint8 // payload type of the repair stream (RFC 4588); 0: there is none
	rtxSSRC uint32
	asItWas bool  // packets are sent again by themselves
	levelID uint8 // header extension that says how loud a packet's sound is; 0: none

	nack     func([]uint16)
	keyFrame func()
	out      atomic.Pointer[srtp.Context] // nil until connected
	closed   atomic.Bool

	// Of whoever writes.
	header         rtp.Header
	leveled        bool   // it is known how loud the next packet is:
	level          uint8  // so much (RFC 6464 §3)
	timestamp      uint32 // the newest
	numbers        numbers
	rtxSeq         uint16
	report, sealed [128]byte
}

var _ Sender = (*sender)(nil)

func newSender(srv *Server, m *offered) *sender {
	t := &sender{srv: srv, m: m, kind: m.kind, pt: m.format.pt, ssrc: newSSRC(), levelID: m.ids.audioLevel}
	if m.kind == Video && m.rtx != 0 {
		t.rtx, t.rtxSSRC = m.rtx, newSSRC()
	}
	if m.measured() {
		t.number = m.ids.transportCC
		t.asItWas = t.rtx == 0 && slices.Contains(m.feedback, "nack")
	}
	return t
}

func newSSRC() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return max(binary.BigEndian.Uint32(b[:]), ownSSRC+1)
}

// measured says whether the client tells of each packet's arrival.
func (m *offered) measured() bool {
	return m.ids.transportCC != 0 && slices.Contains(m.feedback, "transport-cc")
}

// Room tells what the line has for pictures. It is called by whoever writes, and may send a train to find out.
func (t *sender) Room(now time.Time, want int) int {
	room, train := t.line.room(now, want, t.rtx != 0)
	t.s.out.pace.rate.Store(int64(t.line.spread(now)))
	if train {
		t.pad(bwe.TrainPackets)
	}
	return room
}

func (t *sender) Kind() Kind { return t.kind }

func (t *sender) Mid() string { return t.m.mid }

func (t *sender) Feedback(nack func([]uint16), keyFrame func()) { t.nack, t.keyFrame = nack, keyFrame }

// AudioLevel says how loud the next packet is (RFC 6464 §3).
func (t *sender) AudioLevel(level uint8) { t.leveled, t.level = t.levelID != 0, level }

// WriteRTP seals and sends one packet. Header extensions and contributing sources are left out, but for the packet's
// number where the line is measured, and how loud it is where that was told.
func (t *sender) WriteRTP(h *rtp.Header, payload []byte) error { return t.write(h, payload, false) }

// WriteRepair sends one packet again: on the repair stream (RFC 4588 §4) where the client has taken one, else as it was.
func (t *sender) WriteRepair(h *rtp.Header, payload []byte) error {
	err := t.write(h, payload, true)
	if err == nil && t.rtx != 0 {
		t.srv.metrics.repairs.Inc()
	}
	return err
}

func (t *sender) write(h *rtp.Header, payload []byte, again bool) error {
	out := t.out.Load()
	if out == nil {
		return errNotConnected
	}
	if t.closed.Load() {
		return net.ErrClosed
	}
	if len(payload) > maxPacket-rtpHeaderSize-extensionSize-osnSize-sealSize {
		return errTooLarge
	}
	repair := again && t.rtx != 0
	number, has := uint16(0), t.number != 0 && t.line.on.Load()
	if again && !repair {
		var known bool
		if number, has, known = t.numbers.of(h.SequenceNumber); !known {
			return errForgotten
		}
	}
	pt, seq, ssrc, size := t.pt, h.SequenceNumber, t.ssrc, len(payload)
	if repair {
		t.rtxSeq++
		pt, seq, ssrc, size = t.rtx, t.rtxSeq, t.rtxSSRC, size+osnSize
	}
	b := t.s.out.begin(rtpHeaderSize+extensionSize+size+sealSize, t.kind == Video && has)
	if !again || repair {
		if has {
			number = t.line.stamp(t.kind, rtpHeaderSize+numberSize+size+sealSize, t.s.out.wait())
		}
		if !again {
			t.timestamp = h.Timestamp
			if t.asItWas {
				t.numbers.note(seq, number, has)
			}
		}
	}
	b = append(b, 0x80, pt)
	if h.Marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, h.Timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = t.extend(b, number, has)
	if repair {
		b = binary.BigEndian.AppendUint16(b, h.SequenceNumber)
	}
	b = append(b, payload...)
	b, err := out.EncryptRTP(b, b, &t.header) // in place
	if err != nil {
		t.s.out.abort()
		return err
	}
	t.s.out.commit(b)
	t.srv.metrics.packets.Inc()
	t.srv.metrics.bytes.Add(float64(len(b)))
	return nil
}

// extend adds to a packet's header its number, if it has one, and how loud it is, if that is known.
func (t *sender) extend(b []byte, number uint16, has bool) []byte {
	if !has && !t.leveled {
		return b
	}
	b[0] |= 0x10
	switch {
	case !t.leveled:
		return append(b, 0xBE, 0xDE, 0, 1, t.number<<4|1, byte(number>>8), byte(number), 0)
	case has:
		b = append(b, 0xBE, 0xDE, 0, 2, t.number<<4|1, byte(number>>8), byte(number), t.levelID<<4, t.level, 0, 0, 0)
	default:
		b = append(b, 0xBE, 0xDE, 0, 1, t.levelID<<4, t.level, 0, 0)
	}
	t.leveled = false
	return b
}

// pad sends packets of mere padding on the repair stream, in one go.
func (t *sender) pad(count int) {
	out := t.out.Load()
	if out == nil || t.closed.Load() {
		return
	}
	for range count {
		b := t.s.out.begin(rtpHeaderSize+numberSize+padSize+sealSize, false)
		t.rtxSeq++
		b = append(b, 0xA0, t.rtx)
		b = binary.BigEndian.AppendUint16(b, t.rtxSeq)
		b = binary.BigEndian.AppendUint32(b, t.timestamp)
		b = binary.BigEndian.AppendUint32(b, t.rtxSSRC)
		b = t.extend(b, t.line.stamp(t.kind, rtpHeaderSize+numberSize+padSize+sealSize, 0), true)
		b = append(b, padding[:]...)
		b, err := out.EncryptRTP(b, b, &t.header)
		if err != nil {
			t.s.out.abort()
			return
		}
		t.s.out.commit(b)
	}
	t.srv.metrics.padding.Add(float64(count))
}

// padding is the end of a packet that has nothing else in it.
var padding = [padSize]byte{padSize - 1: padSize}

// WriteSenderReport sends a report (RFC 3550 §6.4.1) with the name that makes one stream of both tracks.
func (t *sender) WriteSenderReport(ntp uint64, rtpTime uint32, packets, octets uint32) error {
	out := t.out.Load()
	if out == nil {
		return errNotConnected
	}
	if t.closed.Load() {
		return net.ErrClosed
	}
	b := append(t.report[:0], 0x80, 200, 0, 6)
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = binary.BigEndian.AppendUint64(b, ntp)
	b = binary.BigEndian.AppendUint32(b, rtpTime)
	b = binary.BigEndian.AppendUint32(b, packets)
	b = binary.BigEndian.AppendUint32(b, octets)
	b = append(b, 0x81, 202, 0, 4) // one chunk: SSRC, CNAME of 9 bytes, end
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = append(b, 1, 9)
	b = append(b, "streamcat"...)
	b = append(b, 0)
	sealed, err := out.EncryptRTCP(t.sealed[:0], b, nil)
	if err != nil {
		return err
	}
	t.s.out.commit(append(t.s.out.begin(len(sealed), false), sealed...))
	return nil
}
