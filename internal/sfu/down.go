package sfu

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Writer is the subscriber's side of a Down. Its methods are called by one goroutine at a time and keep
// neither header nor payload. They should not wait: the other subscribers wait as long.
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

// state is where a Down stands with its source.
type state uint8

const (
	waiting   state = iota // for the packet to begin with, or for a source
	replaying              // catching up from the ring; see replay.go
	live
)

// Down is one outgoing track of one subscriber. Its methods may be called from any goroutine.
type Down struct {
	opts DownOptions
	w    Writer

	mu     sync.Mutex
	up     *Up
	turn   uint64 // counts sources
	closed bool
	state  state
	epoch  uint32 // the source's, once begun
	header rtp.Header

	// The munger: what is given out is the source's number plus offset. A timestamp is the source's plus
	// tsOffset; those before knee, of frames that were replayed, are drawn together towards it.
	begun    bool  // anything was ever given out
	first    int64 // the source's number that it began with
	highest  int64 // given out; its low 16 bits are the sequence number
	offset   int64
	tsOffset uint32
	knee     uint32
	bent     bool      // there is a knee
	lastTS   uint32    // the newest given out
	lastAt   time.Time // when its frame began to arrive

	replay   replay
	repair   *repair // made by the first Nack
	reported time.Time
	sent     struct{ packets, octets uint32 } // as sender reports count them
	stats    DownStats
}

// NewDown makes a Down without a source.
func NewDown(o DownOptions, w Writer) *Down {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClockRate = o.Kind.clockRate(o.ClockRate)
	return &Down{
		opts: o, w: w,
		header: rtp.Header{Version: rtpVersion},
		// RFC 3550 §5.1 wants random beginnings; the upper half is left out so that no receiver has to guess
		// how often the numbers have wrapped before its first packet (RFC 3711 §3.3.1).
		highest: 1<<20 + rand.Int64N(1<<15),
		lastTS:  rand.Uint32(),
	}
}

// Attach makes u the source; nil, or an Up that is closed, leaves the Down without one. It may be called
// any number of times: sequence numbers and timestamps go on without a break. Video starts with a key
// frame: with the latest one if all since then is at hand and not much, which is then written before Attach
// returns, else with the next, which is asked for. An Up of another kind is a programming error.
func (d *Down) Attach(u *Up) {
	if u != nil && u.opts.Kind != d.opts.Kind {
		panic("sfu: a Down was attached to an Up of another kind")
	}
	d.mu.Lock()
	if d.closed || d.up == u {
		d.mu.Unlock()
		return
	}
	d.detach()
	if u == nil || !u.add(d) {
		d.mu.Unlock()
		return
	}
	d.up = u
	turn := d.turn
	ready := d.opts.Kind == Video && d.prepareReplay(u)
	d.mu.Unlock()
	switch {
	case ready:
		d.catchUp(u, turn)
	case d.opts.Kind == Video:
		u.wish.make(u.opts.Now())
	}
}

// detach ends the present source, under d.mu.
func (d *Down) detach() {
	if d.up != nil {
		d.up.remove(d)
		d.up = nil
	}
	d.turn++
	d.state = waiting
	d.replay = replay{}
}

// leave is told by an Up that has been closed.
func (d *Down) leave(u *Up) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up == u {
		d.detach()
	}
}

// forward gives out a packet that has just come.
func (d *Down) forward(u *Up, p *packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up != u || p.order <= d.replay.seen {
		return
	}
	if d.state != waiting && p.epoch != d.epoch { // the publisher began anew, in the middle of anything
		d.turn++
		d.state = waiting
	}
	switch d.state {
	case waiting:
		if d.opts.Kind == Video && !p.key {
			return
		}
		d.begin(p, p.num, 0)
		d.state = live
	case replaying:
		if !d.replay.leaves(p) {
			return
		}
	case live:
	}
	if p.num < d.first {
		return
	}
	d.send(p)
	if d.repair != nil {
		d.repair.earn()
	}
	if p.arrived.Sub(d.reported) >= reportInterval {
		d.writeReport(u, p.arrived)
	}
}

// begin joins a new source's numbers and times to those given out so far: the packet numbered first is
// the next, and the time since the last frame is the time between the frames' arrivals. That of packet
// p is set; span is how far, at most, the timestamps of earlier packets lie before it.
func (d *Down) begin(p *packet, first int64, span uint32) {
	d.epoch = p.epoch
	d.first = first
	d.offset = d.highest + 1 - first
	gap := span + 1
	if d.begun {
		gap = max(gap, ticks(max(p.arrived.Sub(d.lastAt), 0), d.opts.ClockRate))
	}
	d.lastTS, d.lastAt = d.lastTS+gap, p.arrived
	d.tsOffset = d.lastTS - p.ts
	d.bent = false
	d.begun = true
	d.reported = time.Time{}
	d.stats.Starts++
}

// send writes a packet, old or new, under the subscriber's numbers.
func (d *Down) send(p *packet) {
	num := p.num + d.offset
	ts := p.ts + d.tsOffset
	if d.bent {
		ts = d.bend(p, ts)
	}
	if num > d.highest {
		d.highest = num
	}
	if int32(ts-d.lastTS) > 0 {
		d.lastTS, d.lastAt = ts, p.arrived
	}
	h := &d.header
	h.SequenceNumber, h.Timestamp, h.Marker = uint16(num), ts, p.marker
	if err := d.w.WriteRTP(h, p.payload); err != nil {
		d.stats.WriteErrors++
		return
	}
	d.sent.packets++
	d.sent.octets += uint32(len(p.payload))
	d.stats.Packets++
	d.stats.Bytes += uint64(len(p.payload))
}

// reportNow writes a sender report because the source has sent one.
func (d *Down) reportNow(u *Up, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up == u && d.state != waiting && now.Sub(d.reported) >= reportInterval {
		d.writeReport(u, now)
	}
}

// writeReport writes a sender report, if the source has sent any.
func (d *Down) writeReport(u *Up, now time.Time) {
	r := u.report.Load()
	if r == nil {
		return
	}
	d.reported = now
	ntp, ts := r.at(now)
	if err := d.w.WriteSenderReport(ntp, ts+d.tsOffset, d.sent.packets, d.sent.octets); err != nil {
		d.stats.WriteErrors++
	}
}

// KeyFrame passes on the subscriber's wish for a key frame (PLI or FIR), for which an Up asks on behalf of
// all its Downs at most once per 500 ms.
func (d *Down) KeyFrame() {
	d.mu.Lock()
	u := d.up
	d.mu.Unlock()
	if u != nil && d.opts.Kind == Video {
		u.wish.make(u.opts.Now())
	}
}

// Close detaches; nothing is written any more once it has returned.
func (d *Down) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.detach()
}

// DownStats is what a Down has done.
type DownStats struct {
	Packets, Bytes uint64 // written, retransmissions included; bytes of payload
	Retransmitted  uint64
	NotAnswered    uint64 // packets asked for that were gone, sent a moment ago, or over the budget
	Replayed       uint64 // packets of the past that it was started with
	WriteErrors    uint64
	Starts         uint64 // of a source
}

// Stats may be called from any goroutine.
func (d *Down) Stats() DownStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}
