package rtc

import (
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	// settleWait is how long after the first encoding's first key frame the others are waited for. Browsers
	// that know nothing of the network begin with the smallest and send the others within a second or two.
	settleWait = 2 * time.Second
	// layerGone is how long an encoding must have been silent before it is asked for nothing: who lacks
	// bandwidth leaves the larger ones out.
	layerGone = time.Second
	// samePicture is how far the times of two encodings of one picture may be apart: reports have
	// milliseconds.
	samePicture = 4 * time.Millisecond
)

// layers are the encodings of one picture that come side by side (simulcast), or the only one. Guarded by the
// publication's mutex.
type layers struct {
	offered int          // how many there may be; 0 is 1
	sinks   []*videoSink // the newest of each RID, in the order of their coming
	settled bool         // those that have come have their track IDs, and are written
	since   time.Time    // when the first key frame came
	askedAt time.Time    // when key frames were last asked for

	times [32]time.Duration // of the newest pictures of all of them
	n     int
}

func (l *layers) simulcast() bool { return l.offered > 1 }

// ready tells whether frames may be written.
func (l *layers) ready() bool { return l.settled || !l.simulcast() }

// enter puts a sink in its place, and gives the one that was there.
func (l *layers) enter(v *videoSink) (old *videoSink) {
	for i, s := range l.sinks {
		if s.rid == v.rid || !l.simulcast() {
			l.sinks[i] = v
			return s
		}
	}
	l.sinks = append(l.sinks, v)
	return nil
}

// next gives the ID for an encoding that comes after the others have theirs. Those that are missing then
// are the largest, and the smaller of them comes first.
func (l *layers) next() int {
	id := media.FirstVideo + l.offered - 1
	for id > media.FirstVideo && slices.ContainsFunc(l.sinks, func(v *videoSink) bool { return v.id == id }) {
		id--
	}
	return id
}

// snap gives pts, or the time of the same picture in another encoding, so that all are cut at the same times.
func (l *layers) snap(pts time.Duration) time.Duration {
	for _, t := range l.times[:min(l.n, len(l.times))] {
		if (t - pts).Abs() <= samePicture {
			return t
		}
	}
	l.times[l.n%len(l.times)] = pts
	l.n++
	return pts
}

// measure takes a key frame of an encoding whose track has no ID yet: it tells the picture's size, and
// sets the encoding's clock going.
func (v *videoSink) measure() {
	u := &v.unit
	t := u.sets.track(u.firstSlice(), nil)
	if t == nil {
		v.lose(u.arrived)
		return
	}
	v.waiting, v.keyAt, v.pixels = false, u.arrived, t.Width*t.Height
	v.p.time.at(v.clock, u.timestamp, u.arrived)
	if l := &v.p.layers; l.since.IsZero() {
		l.since = u.arrived
	}
	v.p.settle(u.arrived)
}

// settle gives the encodings of a simulcast their IDs in the order of their sizes, once of each a key frame
// has come, and a sender report, which tells how their times fit; or when that takes too long. Then all
// begin with a new key frame of the same picture.
func (p *framesOf) settle(now time.Time) {
	l := &p.layers
	if l.ready() || l.since.IsZero() {
		return
	}
	var come []*videoSink
	known := 0
	for _, v := range l.sinks {
		if v.pixels > 0 {
			come = append(come, v)
			if v.clock.report.known {
				known++
			}
		}
	}
	if known < l.offered && now.Sub(l.since) < settleWait {
		return
	}
	slices.SortStableFunc(come, func(a, b *videoSink) int { return b.pixels - a.pixels })
	for i, v := range come {
		v.id = media.FirstVideo + l.offered - len(come) + i
	}
	for _, v := range l.sinks {
		v.waiting = true
	}
	l.settled, l.askedAt = true, time.Time{}
	p.wish(now)
}

// wish asks for key frames of all encodings at the same time if it is time to for one: so they are of the same
// picture, where whoever plays may change from one to the other.
func (p *framesOf) wish(now time.Time) {
	l := &p.layers
	if p.ended || now.Sub(l.askedAt) < keyPatience || !slices.ContainsFunc(l.sinks, func(v *videoSink) bool { return v.due(now) }) {
		return
	}
	l.askedAt = now
	for _, v := range l.sinks {
		if v.sends(now) {
			v.peer.KeyFrame(v.ssrc)
		}
	}
}

// sends tells whether a key frame may be asked for.
func (v *videoSink) sends(now time.Time) bool {
	return !v.closed && (!v.p.layers.simulcast() || now.Sub(v.heard) < layerGone)
}

func (v *videoSink) due(now time.Time) bool {
	return v.sends(now) && (v.waiting || now.Sub(v.keyAt) >= keyInterval)
}

// bridge lets the newest pictures be repeated if there have been none for long before now, a time of the
// sound. An encoding that stopped while others went on stays as it is.
func (p *framesOf) bridge(now time.Duration, arrived time.Time) {
	newest := time.Duration(0)
	for _, v := range p.layers.sinks {
		newest = max(newest, v.pause.real)
	}
	for _, v := range p.layers.sinks {
		if !p.layers.simulcast() || now-newest >= stillAfter && newest-v.pause.real < stillAfter/2 {
			v.bridge(now, arrived)
		}
	}
}
