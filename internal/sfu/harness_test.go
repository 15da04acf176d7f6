package sfu

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// out is a packet or a sender report as a subscriber gets it.
type out struct {
	seq     uint16
	ts      uint32
	marker  bool
	payload string
	level   int // as it was told; 0 without
}

type outReport struct {
	ntp             uint64
	ts              uint32
	packets, octets uint32
}

// slip is a Writer that keeps what it is given.
type slip struct {
	mu      sync.Mutex
	packets []out
	reports []outReport
	fail    bool
	level   int
}

var errSlip = errors.New("the line is cut")

func (s *slip) WriteRTP(h *rtp.Header, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Version != 2 || h.Extension || len(h.CSRC) > 0 || h.Padding {
		panic("a header that no subscriber asked for")
	}
	if s.fail {
		return errSlip
	}
	s.packets = append(s.packets, out{h.SequenceNumber, h.Timestamp, h.Marker, string(payload), s.level})
	s.level = 0
	return nil
}

func (s *slip) AudioLevel(level uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = int(level)
}

func (s *slip) WriteSenderReport(ntp uint64, ts, packets, octets uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errSlip
	}
	s.reports = append(s.reports, outReport{ntp, ts, packets, octets})
	return nil
}

// take gives what came since the last take.
func (s *slip) take() []out {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packets
	s.packets = nil
	return p
}

func payloads(p []out) []string {
	all := []string{}
	for _, o := range p {
		all = append(all, o.payload)
	}
	return all
}

// wire makes an RTP packet.
func wire(seq uint16, ts uint32, marker bool, payload string) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, 96
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], 0xC0FFEE)
	return append(b, payload...)
}

// padding makes a packet of mere padding.
func padding(seq uint16, ts uint32) []byte {
	b := append(wire(seq, ts, false, ""), make([]byte, 20)...)
	b[0] |= 0x20
	b[len(b)-1] = 20
	return b
}

// Beginnings of payloads.
const (
	sps   = "\x67"
	idr   = "\x65"
	slice = "\x41"
)

// bench is one Up with its clock.
type bench struct {
	*clock
	up    *Up
	asked int
}

func newBench(k Kind) *bench {
	b := &bench{clock: newClock()}
	b.up = b.newUp(k)
	return b
}

func (b *bench) newUp(k Kind) *Up {
	return NewUp(UpOptions{Kind: k, KeyFrame: func() { b.asked++ }, Now: b.now})
}

func (b *bench) down(k Kind) (*Down, *slip) {
	s := &slip{}
	return NewDown(DownOptions{Kind: k, Now: b.now}, s), s
}

func (b *bench) write(seq uint16, ts uint32, payload string) {
	b.up.Write(wire(seq, ts, false, payload), b.now())
}

func wantPayloads(t *testing.T, got []out, want ...string) {
	t.Helper()
	if p := payloads(got); !slices.Equal(p, want) {
		t.Errorf("got %q, want %q", p, want)
	}
}

// wantContinuous fails unless numbers go up by one from the number before first.
func wantContinuous(t *testing.T, got []out) {
	t.Helper()
	for i := 1; i < len(got); i++ {
		if got[i].seq != got[i-1].seq+1 {
			t.Errorf("number %d follows %d", got[i].seq, got[i-1].seq)
		}
	}
}
