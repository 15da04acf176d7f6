package hls

import (
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// grace is how long a frame of the leading rendition waits for the same moment of the others, in which
// they would otherwise be missing from their part. A rendition that does not keep to it is not waited for
// until it has caught up.
const grace = 100 * time.Millisecond

// mostWaiting bounds what waits when dates of arrival stand still.
const mostWaiting = 256

// align takes a frame of a stream with several renditions. Streams with one never come here.
func (s *session) align(f *media.Frame) error {
	arrived := s.arrival(f)
	if f.Track.Kind == media.Video && f.Track.ID != s.lead.id {
		return s.follow(f, arrived)
	}
	if f.Track.Kind == media.Video {
		s.lead.newest = f.DTS
	}
	s.waiting = append(s.waiting, waiting{f, arrived})
	return s.release(arrived)
}

// waiting is a frame of the leading rendition, or sound, that has come too early.
type waiting struct {
	*media.Frame
	arrived time.Time
}

// release places what need not wait any longer; all, if now is zero.
func (s *session) release(now time.Time) error {
	n := 0
	defer func() {
		rest := copy(s.waiting, s.waiting[n:])
		clear(s.waiting[rest:])
		s.waiting = s.waiting[:rest]
	}()
	for ; n < len(s.waiting); n++ {
		f := s.waiting[n]
		if f.Track.Kind == media.Video && !now.IsZero() && len(s.waiting)-n < mostWaiting && s.missing(f, now) {
			return nil
		}
		if err := s.place(f.Frame); err != nil {
			return err
		}
	}
	return nil
}

// missing tells whether a rendition is to come up to f, a frame of the leading one.
func (s *session) missing(f waiting, now time.Time) bool {
	missing := false
	for _, l := range s.layers {
		if l == s.lead || l.away || l.late || !s.owes(l, f.DTS) {
			continue
		}
		if now.Sub(f.arrived) >= grace {
			l.late = true
			continue
		}
		missing = true
	}
	return missing
}

// owes tells whether l has a frame that belongs to the same part as the leading rendition's at dts, should
// the part end with that.
func (s *session) owes(l *layer, dts time.Duration) bool {
	behind, own := ticksOf(dts-l.newest), l.rate.frame()
	if !l.rate.steady() {
		return behind > jitter
	}
	frame := own
	if s.cut.rate.steady() {
		frame = s.cut.frameTime()
	}
	return own+own/2 <= behind+frame+jitter
}

// follow takes a frame of a rendition that does not lead.
func (s *session) follow(f *media.Frame, arrived time.Time) error {
	l := s.layer(f)
	if l == nil {
		return nil
	}
	if f.Key {
		s.meet(l, f.Track)
		if l.away && f.DTS-l.newest > layerGone {
			l.since = f.DTS
		}
	}
	if step := f.DTS - l.newest; step < layerGone {
		l.rate.step(ticksOf(step))
	}
	if gap := f.DTS - s.lead.newest; f.Key && gap > layerGone && s.nextBest(l, f.DTS) {
		l.newest = f.DTS
		return s.promote(l, f)
	}
	l.newest = f.DTS
	if l.late && f.DTS >= s.lead.newest {
		l.late = false
	}
	if f.Key || sameFormat(l.track, f.Track) { // else it is of no use before its key frame
		l.push(f, s.cut.window.maxBytes/8)
	}
	if err := s.release(arrived); err != nil {
		return err
	}
	// Where the leading rendition is silent, and there is no sound, the others keep parts on time.
	at := s.ticks(f.DTS)
	if f.DTS-s.lead.newest > overdue.duration() && !l.away && !s.waitKey && at <= s.newest+jump {
		s.newest = max(s.newest, at)
		s.cut.clock(at, arrived)
	}
	return nil
}

// meet notes the parameters that a key frame of l comes with.
func (s *session) meet(l *layer, t *media.Track) {
	if sameFormat(l.track, t) {
		return
	}
	l.track, l.next, l.unfit = t, nil, false
	if l.init != nil && sameFormat(l.video.track, t) {
		return
	}
	video, err := newVideoFormat(t)
	if err != nil {
		s.log.Warn("a rendition is left out", "track", t.ID, "error", err)
		l.unfit = true
		return
	}
	l.next = video
}

// layer finds a frame's rendition. A track that was not there before makes one with its first key frame,
// whose turn comes when it has gone on for a moment.
func (s *session) layer(f *media.Frame) *layer {
	for _, l := range s.layers {
		if l.id == f.Track.ID {
			return l
		}
	}
	if !f.Key || len(s.layers) == maxLayers || s.unfit != nil && sameFormat(s.unfit, f.Track) {
		return nil
	}
	l, err := newLayer(f.Track, -1)
	if err != nil {
		s.log.Warn("a rendition is left out", "track", f.Track.ID, "error", err)
		s.unfit = f.Track
		return nil
	}
	l.away, l.newest, l.since = true, f.DTS, f.DTS
	s.layers = append(s.layers, l)
	s.lead.newest = max(s.lead.newest, f.DTS) // while it was alone nobody noted it
	return l
}

// nextBest tells whether l is the first of those that send, now that the leading one does not.
func (s *session) nextBest(l *layer, now time.Duration) bool {
	for _, o := range s.layers {
		if o == l {
			return l.lane >= 0 && !l.unfit
		}
		if o != s.lead && o.lane >= 0 && now-o.newest <= layerGone {
			return false
		}
	}
	return false
}

// promote makes l the leading rendition with its key frame f: the other one is silent.
func (s *session) promote(l *layer, f *media.Frame) error {
	if err := s.release(time.Time{}); err != nil {
		return err
	}
	if at := s.ticks(f.DTS); !s.waitKey && at <= s.newest+jump {
		s.cut.segment(at, at)
	}
	s.log.Info("another rendition leads", "track", l.id, "instead", s.lead.id)
	s.lead.rate, s.cut.rate = s.cut.rate, l.rate
	s.lead.away, s.lead.late = true, false
	s.lead, l.away, l.late = l, false, false
	s.cut.lastDTS = -1
	l.drop(len(l.queue))
	return s.place(f)
}
