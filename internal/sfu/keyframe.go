package sfu

import (
	"sync/atomic"
	"time"
)

// keyFrameInterval is how often a publisher is asked for a key frame at most. Each costs it tens of
// kilobytes, and all its viewers sharpness.
const keyFrameInterval = 500 * time.Millisecond

// wish gathers all Downs' wishes for a key frame. One stays open until a key frame comes, and goes out
// again each interval until then: requests are lost like any packet.
type wish struct {
	ask    func()
	opened time.Time
	open   atomic.Bool
	last   atomic.Int64 // when the publisher was asked, since opened, in ns; 0: never
	asked  atomic.Uint64
}

// make opens a wish. It may be called from any goroutine, under no lock.
func (w *wish) make(now time.Time) {
	if w.ask != nil {
		w.open.Store(true)
		w.grant(now)
	}
}

// grant passes an open wish on, unless the last one was a moment ago.
func (w *wish) grant(now time.Time) {
	last, at := w.last.Load(), max(int64(now.Sub(w.opened)), 0)+1
	if last != 0 && at-last < int64(keyFrameInterval) || !w.last.CompareAndSwap(last, at) {
		return
	}
	w.asked.Add(1)
	w.ask()
}

// renew opens a wish that Write then passes on.
func (w *wish) renew(k Kind) {
	if k == Video && w.ask != nil {
		w.open.Store(true)
	}
}

func (w *wish) fulfil() {
	if w.open.Load() {
		w.open.Store(false)
	}
}

// frame follows the frame that is coming in, to tell where a key frame begins.
type frame struct {
	ts      uint32
	known   bool
	torn    bool // came with a gap, so that a slice may not be its first
	flagged bool // its beginning has been told
}

// begins says whether a key frame begins with a packet: with its parameter sets, or, if it comes without
// any, with its first slice. A slice after a gap begins nothing: the parameter sets may be what is missing.
func (f *frame) begins(v *view, c contents, follows, late bool) bool {
	if late {
		// The beginning of the present frame, after its end? An older frame's beginning starts nobody.
		if !f.known || v.ts != f.ts || !c.sps || f.flagged {
			return false
		}
		f.flagged = true
		return true
	}
	if !f.known || v.ts != f.ts {
		*f = frame{ts: v.ts, known: true}
	}
	f.torn = f.torn || !follows && !c.sps
	key := !f.flagged && (c.sps || c.idr && !f.torn)
	f.flagged = f.flagged || key
	return key
}
