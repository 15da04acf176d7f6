// Package sfu forwards the RTP of one publisher to many subscribers without decoding it and without a
// socket: an Up takes in one track, a Down gives it to one subscriber under that subscriber's own sequence
// numbers and timestamps, which go on without a break when the Down is attached to another Up. A Source is
// all encodings of one picture (simulcast): a Down that follows it gets the one that its line has room for.
//
// It owns the ring that retransmissions are answered from, the throttling of key frame requests, and the
// sender reports to subscribers. It never waits, and it allocates nothing per packet. Payloads pass
// untouched; contributing sources and header extensions do not pass, since their ids are a matter between
// each peer and the server, but for what they say of how loud the sound is.
//
// Locks: a Down's, and below it a Source's and an Up's, which guard only the changing of their lists.
// Forwarding takes no other lock than that of the Down in turn.
package sfu

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Kind tells video from audio.
type Kind uint8

const (
	Video Kind = iota + 1
	Audio
)

func (k Kind) clockRate(given uint32) uint32 {
	switch {
	case given != 0:
		return given
	case k == Audio:
		return 48_000
	}
	return 90_000
}

// UpOptions says what an Up takes in. Video is H.264 (RFC 6184, packetization mode 0 or 1).
type UpOptions struct {
	Kind         Kind
	Name         string // of one of several encodings, as Layers gives it
	ClockRate    uint32 // Hz; zero: 90,000 for video, 48,000 for audio
	AudioLevelID uint8  // id of the header extension of RFC 6464; 0: none

	// KeyFrame asks the publisher for a key frame. It is called at most once per 500 ms, from any
	// goroutine, and must not wait. Nil: nobody can be asked.
	KeyFrame func()
	// Sized hears how large the pictures of a video are, in pixels: when that is first known, and when it changes. It is called
	// by Write, and must not wait. It may be nil.
	Sized func(width, height int)
	// Reordered hears, once, that a video has B slices: pictures that are shown in another order than they come in, which
	// real-time players cannot do. It is called as Sized is, and may be nil.
	Reordered func()
	Now       func() time.Time // nil: time.Now
}

// Up is one incoming track, or one encoding of several.
type Up struct {
	opts   UpOptions
	ring   ring
	wish   wish
	source atomic.Pointer[Source] // that has other encodings, too; nil: there are none
	size   size
	flow   flow
	loud   loudness

	// Only Write's goroutine uses these.
	numbers numbering
	frame   frame
	bslices bool  // were told of
	got     int64 // packets that came for the first time

	// Written by Write's goroutine.
	newest atomic.Int64 // number of the newest packet
	keyNum atomic.Int64 // number of the packet that the newest key frame begins with; 0: none
	report atomic.Pointer[report]
	closed atomic.Bool
	level  atomic.Int32
	count  struct{ packets, bytes, lost, invalid, dropped, restarts, keyFrames atomic.Uint64 }

	mu    sync.Mutex // for changing downs
	downs atomic.Pointer[[]*Down]
}

// NewUp makes an Up that nothing is attached to.
func NewUp(o UpOptions) *Up {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClockRate = o.Kind.clockRate(o.ClockRate)
	u := &Up{opts: o, ring: newRing(o.Kind), wish: wish{ask: o.KeyFrame, opened: o.Now()}}
	u.level.Store(NoAudioLevel)
	u.downs.Store(new([]*Down))
	return u
}

// Write takes a whole RTP packet, keeps a copy for retransmission, and forwards it to all Downs. It never
// waits and is called from one goroutine. What is no RTP, is longer than 1,500 bytes, or has been there
// before is counted or dropped. Packets may come in any order.
func (u *Up) Write(b []byte, arrived time.Time) {
	if u.closed.Load() {
		return
	}
	v, ok := parse(b, u.opts.AudioLevelID)
	if !ok {
		u.count.invalid.Add(1)
		return
	}
	if v.level != noLevel {
		u.level.Store(-int32(v.level & 0x7F))
		u.loud.add(uint8(v.level&0x7F), arrived)
	}
	p := u.keep(&v, len(b), arrived)
	if u.wish.open.Load() {
		u.wish.grant(arrived)
	}
	if p != nil {
		for _, d := range *u.downs.Load() {
			d.forward(u, p)
		}
	}
	if s := u.source.Load(); s != nil {
		if p != nil && p.marker { // ends a picture (RFC 6184 §5.1)
			u.flow.frames++
		}
		u.flow.add(len(b), arrived)
		s.look(arrived)
	}
}

// keep numbers a packet and puts it into the ring; nil if it is not to be forwarded.
func (u *Up) keep(v *view, size int, arrived time.Time) *packet {
	epoch, highest := u.numbers.epoch, u.numbers.highest
	num, place := u.numbers.put(v.seq, v.paddingOnly)
	if place == astray || place == stale {
		u.count.dropped.Add(1)
		return nil
	}
	if u.numbers.epoch != epoch {
		u.count.restarts.Add(1)
		u.frame = frame{}
		u.wish.renew(u.opts.Kind)
	}
	var p *packet
	if place != skip {
		next := packet{
			num: num, order: u.count.packets.Load() + 1, epoch: u.numbers.epoch,
			ts: v.ts, marker: v.marker, level: v.level, arrived: arrived, nano: arrived.UnixNano(), payload: v.payload,
		}
		if u.opts.Kind == Video {
			c := h264(v.payload)
			next.key = u.frame.begins(v, c, u.numbers.highest == highest+1, place == late)
			if c.b && !u.bslices {
				u.bslices = true
				if u.opts.Reordered != nil {
					u.opts.Reordered()
				}
			}
		}
		if p = u.ring.put(&next); p == nil {
			u.count.dropped.Add(1)
			return nil
		}
		if place == ahead {
			u.newest.Store(num)
		}
		if p.key {
			u.keyNum.Store(num)
			if u.size.learn(p.payload) && u.opts.Sized != nil {
				u.opts.Sized(u.size.sides())
			}
			u.count.keyFrames.Add(1)
			u.wish.fulfil()
		}
	}
	u.got++
	u.count.packets.Add(1)
	u.count.bytes.Add(uint64(size))
	if lost := u.numbers.due() - u.got; lost >= 0 {
		u.count.lost.Store(uint64(lost))
	}
	return p
}

// SenderReport tells which RTP time belongs to which time of the publisher's clock (RFC 3550 §6.4.1). It
// is called from the goroutine that calls Write. Downs report at once and then every second on their own,
// on the same line of time: a browser reports its sound only every five seconds.
func (u *Up) SenderReport(ntp uint64, rtpTime uint32, arrived time.Time) {
	if u.closed.Load() || ntp == 0 { // zero: the publisher has no clock to tell of (RFC 3550 §6.4.1)
		return
	}
	u.report.Store(&report{ntp: ntp, ts: rtpTime, arrived: arrived, rate: u.opts.ClockRate})
	for _, d := range *u.downs.Load() {
		d.reportNow(u, arrived)
	}
}

// Close ends the track. Downs stay, without a source.
func (u *Up) Close() {
	u.mu.Lock()
	u.closed.Store(true)
	downs := *u.downs.Swap(new([]*Down))
	u.mu.Unlock()
	for _, d := range downs {
		d.leave(u)
	}
}

// add makes d one of the Downs; false if the Up is closed.
func (u *Up) add(d *Down) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed.Load() {
		return false
	}
	old := *u.downs.Load()
	downs := append(make([]*Down, 0, len(old)+1), old...)
	downs = append(downs, d)
	u.downs.Store(&downs)
	return true
}

func (u *Up) remove(d *Down) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := *u.downs.Load()
	if i := slices.Index(old, d); i >= 0 {
		downs := slices.Concat(old[:i], old[i+1:])
		u.downs.Store(&downs)
	}
}

// UpStats is what an Up has seen.
type UpStats struct {
	Packets, Bytes    uint64 // with padding, without duplicates; whole packets
	Lost              uint64 // never came, so far
	Invalid           uint64 // were no RTP
	Dropped           uint64 // duplicates, too late, or out of all sequence
	Restarts          uint64 // the publisher began new sequence numbers
	KeyFrames         uint64
	KeyFramesAskedFor uint64 // requests that went to the publisher
	AudioLevel        int    // the latest, dBov: 0 (loudest) to -127 (silence); NoAudioLevel if none is known
	Downs             int
}

// NoAudioLevel stands for an audio level that is not known.
const NoAudioLevel = math.MinInt8

// Stats may be called from any goroutine.
func (u *Up) Stats() UpStats {
	return UpStats{
		Packets:           u.count.packets.Load(),
		Bytes:             u.count.bytes.Load(),
		Lost:              u.count.lost.Load(),
		Invalid:           u.count.invalid.Load(),
		Dropped:           u.count.dropped.Load(),
		Restarts:          u.count.restarts.Load(),
		KeyFrames:         u.count.keyFrames.Load(),
		KeyFramesAskedFor: u.wish.asked.Load(),
		AudioLevel:        int(u.level.Load()),
		Downs:             len(*u.downs.Load()),
	}
}
