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

// LevelWriter is a Writer of sound that can also say how loud it is (RFC 6464).
type LevelWriter interface {
	Writer
	// AudioLevel tells of the packet that is written next: whether somebody speaks in the upper bit, and 0 to 127 for 0 to
	// -127 dBov. It is called of those packets whose publisher says it.
	AudioLevel(level uint8)
}

// Repairer is a Writer that sends packets again by other means than for the first time (RTX, RFC 4588).
type Repairer interface {
	Writer
	// WriteRepair is WriteRTP of a packet that was written before. Sender reports do not count it.
	WriteRepair(h *rtp.Header, payload []byte) error
}

// DownOptions says what a Down gives out.
type DownOptions struct {
	Kind      Kind
	ClockRate uint32           // Hz; zero: 90,000 for video, 48,000 for audio
	Line      Line             // the way to the subscriber; nil: it has room for anything
	Pool      *Pool            // of the pictures that share the Line with this one; nil: there are no others
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
	// What every packet needs comes first, so that of a crowd's Downs it stays in the nearest cache.
	mu       sync.Mutex
	closed   bool
	begun    bool // anything was ever given out
	state    state
	w        Writer
	share    *share // of the Pool; nil: there is none
	stretch         // the present one; its Up is nil without a source
	replay   replay
	highest  int64                            // number given out; its low 16 bits are the sequence number
	lastTS   uint32                           // the newest given out
	sent     struct{ packets, octets uint32 } // as sender reports count them
	repair   *repair                          // made by the first Nack
	lastAt   time.Time                        // when the frame of lastTS began to arrive
	reported int64                            // when a sender report was last written, in Unix nanoseconds
	header   rtp.Header
	stats    DownStats

	opts    DownOptions
	level   LevelWriter // w; nil: it cannot, or there is no sound
	again   Repairer    // w; nil: it cannot
	source  *Source     // what it follows; nil: only the Up it was attached to
	chooser chooser
	next    *Up              // the encoding that it goes over to with its next key frame; nil: none
	turn    uint64           // counts Ups
	past    [maxPast]stretch // earlier ones of the same source, the newest first
}

// maxPast is how many stretches before the present one retransmissions are made from.
const maxPast = 3

// stretch is an unbroken run of one Up's packets and how they are renumbered: what is given out is the Up's
// number plus offset. A timestamp is the Up's plus tsOffset; those before knee, of frames that were replayed,
// are drawn together towards it.
type stretch struct {
	up       *Up
	epoch    uint32 // the Up's, once begun
	first    int64  // the Up's number that it began with
	last     int64  // number given out that it ended with; of a past one
	offset   int64
	tsOffset uint32
	knee     uint32
	bent     bool // there is a knee
	lost     bool // there was no room for it: what is missing of it is not sent again
}

// NewDown makes a Down without a source.
func NewDown(o DownOptions, w Writer) *Down {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClockRate = o.Kind.clockRate(o.ClockRate)
	d := &Down{
		opts: o, w: w,
		header: rtp.Header{Version: rtpVersion},
		// RFC 3550 §5.1 wants random beginnings; the upper half is left out so that no receiver has to guess
		// how often the numbers have wrapped before its first packet (RFC 3711 §3.3.1).
		highest: 1<<20 + rand.Int64N(1<<15),
		lastTS:  rand.Uint32(),
	}
	d.again, _ = w.(Repairer)
	if o.Kind == Audio {
		d.level, _ = w.(LevelWriter)
	}
	if o.Pool != nil {
		d.share = o.Pool.join(o.Line)
		d.chooser.share = d.share
	}
	return d
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
	if d.closed || d.source == nil && d.up == u {
		d.mu.Unlock()
		return
	}
	d.leaveSource()
	d.detach()
	d.attach(u)()
}

// attach makes u the Up of a Down without one. It unlocks d.mu, and gives what is left to do then.
func (d *Down) attach(u *Up) (rest func()) {
	defer d.mu.Unlock()
	if u == nil || !u.add(d) {
		return func() {}
	}
	d.up = u
	turn := d.turn
	if d.source != nil {
		d.source.turns.Add(1)
	}
	switch {
	case d.opts.Kind != Video:
		return func() {}
	case d.prepareReplay(u):
		return func() { d.catchUp(u, turn) }
	}
	return func() { u.wish.make(u.opts.Now()) }
}

// detach ends the present stretch, under d.mu.
func (d *Down) detach() {
	d.stay()
	if d.up != nil {
		d.up.remove(d)
		d.up = nil
	}
	d.turn++
	d.state = waiting
	d.replay = replay{}
	clear(d.past[:])
}

// leave is told by an Up that has been closed.
func (d *Down) leave(u *Up) {
	d.mu.Lock()
	if d.next == u {
		d.stay()
	}
	if d.up != u {
		d.mu.Unlock()
		return
	}
	d.detach()
	d.mu.Unlock()
	d.choose(d.opts.Now())
}

// forward gives out a packet that has just come.
func (d *Down) forward(u *Up, p *packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.key && d.next == u {
		d.cross(p)
	}
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
	d.send(&d.stretch, p, false)
	if d.repair != nil {
		d.repair.earn()
	}
	if d.reportDue(p.nano) {
		d.writeReport(u, p.arrived)
	}
}

// begin joins a new Up's numbers and times to those given out so far: the packet numbered first is
// the next, and the time since the last frame is the time between the frames' arrivals. That of packet
// p is set; span is how far, at most, the timestamps of earlier packets lie before it.
func (d *Down) begin(p *packet, first int64, span uint32) {
	gap := span + 1
	if d.begun {
		gap = max(gap, ticks(max(p.arrived.Sub(d.lastAt), 0), d.opts.ClockRate))
	}
	d.join(p, first, d.lastTS+gap)
}

// join begins a stretch with the packet numbered first, in which p's timestamp becomes ts.
func (d *Down) join(p *packet, first int64, ts uint32) {
	d.epoch = p.epoch
	d.first = first
	d.offset = d.highest + 1 - first
	d.lastTS, d.lastAt = ts, p.arrived
	d.tsOffset = ts - p.ts
	d.bent = false
	d.begun = true
	d.reported = 0
	d.stats.Starts++
}

// send writes a packet of a stretch, old or new, for the first time or again, under the subscriber's numbers.
func (d *Down) send(s *stretch, p *packet, again bool) {
	num := p.num + s.offset
	ts := p.ts + s.tsOffset
	if s.bent {
		ts = s.bend(p, ts)
	}
	if num > d.highest {
		d.highest = num
	}
	if int32(ts-d.lastTS) > 0 {
		d.lastTS, d.lastAt = ts, p.arrived
	}
	h := &d.header
	h.SequenceNumber, h.Timestamp, h.Marker = uint16(num), ts, p.marker
	if p.level != noLevel && d.level != nil {
		d.level.AudioLevel(uint8(p.level))
	}
	if again && d.again != nil {
		if err := d.again.WriteRepair(h, p.payload); err != nil {
			d.stats.WriteErrors++
			return
		}
	} else {
		if err := d.w.WriteRTP(h, p.payload); err != nil {
			d.stats.WriteErrors++
			return
		}
		d.sent.packets++
		d.sent.octets += uint32(len(p.payload))
	}
	if d.share != nil {
		d.share.flow.add(minHeader+len(p.payload), p.arrived)
	}
	d.stats.Packets++
	d.stats.Bytes += uint64(len(p.payload))
}

// reportNow writes a sender report because the source has sent one.
func (d *Down) reportNow(u *Up, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up == u && d.state != waiting && d.reportDue(now.UnixNano()) {
		d.writeReport(u, now)
	}
}

// reportDue says whether the last sender report was long ago, or later than now: then the clock was set back.
func (d *Down) reportDue(now int64) bool { return uint64(now-d.reported) >= uint64(reportInterval) }

// writeReport writes a sender report, if the source has sent any.
func (d *Down) writeReport(u *Up, now time.Time) {
	r := u.report.Load()
	if r == nil {
		return
	}
	d.reported = now.UnixNano()
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
	if d.share != nil && !d.closed {
		d.share.pool.leave(d.share)
	}
	d.closed = true
	d.leaveSource()
	d.detach()
}

// DownStats is what a Down has done.
type DownStats struct {
	Packets, Bytes uint64 // written, retransmissions included; bytes of payload
	Retransmitted  uint64
	NotAnswered    uint64 // packets asked for that were gone, sent a moment ago, or over the budget
	Replayed       uint64 // packets of the past that it was started with
	WriteErrors    uint64
	Starts         uint64 // of a source, or of another of its encodings
	Switches       uint64 // from one encoding to another
}

// Stats may be called from any goroutine.
func (d *Down) Stats() DownStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}
