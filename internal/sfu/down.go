package sfu

import (
	"time"

	"github.com/pion/rtp"
)

// Writer is the subscriber's side of a Down. Its methods are called by one goroutine at a time and keep
// neither header nor payload.
type Writer interface {
	// WriteRTP sends a packet. SSRC and payload type are set by the writer.
	WriteRTP(h *rtp.Header, payload []byte) error
	// WriteSenderReport sends an RTCP sender report (RFC 3550 §6.4.1).
	WriteSenderReport(ntp uint64, rtpTime uint32, packets, octets uint32) error
}

// DownOptions says what a Down gives out.
type DownOptions struct {
	Kind      Kind
	ClockRate uint32           // Hz; zero: 90,000 for video, 48,000 for audio
	Now       func() time.Time // nil: time.Now
}

// Down is one outgoing track of one subscriber. Its methods may be called from any goroutine.
type Down struct {
	opts DownOptions
	w    Writer
}

// NewDown makes a Down without a source.
func NewDown(o DownOptions, w Writer) *Down { return &Down{opts: o, w: w} }

// Attach makes u the source; nil detaches. It may be called any number of times: sequence numbers and
// timestamps go on without a break. Video starts with a key frame, which is asked for.
func (d *Down) Attach(u *Up) {}

// Nack answers a request for retransmission (RFC 4585 §6.2.1) of packets numbered as the subscriber saw
// them.
func (d *Down) Nack(seqs []uint16) {}

// KeyFrame passes on the subscriber's wish for a key frame (PLI or FIR).
func (d *Down) KeyFrame() {}

// Close detaches; nothing is written any more once it has returned.
func (d *Down) Close() {}

// DownStats is what a Down has done.
type DownStats struct {
	Packets, Bytes uint64 // written, without retransmissions
	Retransmitted  uint64
	NotAnswered    uint64 // requested packets that were gone, too early, or over the budget
	WriteErrors    uint64
	Switches       uint64 // starts of a source
}

// Stats may be called from any goroutine.
func (d *Down) Stats() DownStats { return DownStats{} }
