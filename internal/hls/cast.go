package hls

import (
	"slices"

	"github.com/streamcat/streamcat/internal/media"
)

// cast makes the layers of the tracks whose key frames were held, and gives the first one of the best.
func (s *session) cast(held []*media.Frame) (first *media.Frame, err error) {
	keys := map[*layer]*media.Frame{}
	for _, f := range held {
		if f.Track.Kind != media.Video || !f.Key || len(s.layers) == maxLayers ||
			slices.ContainsFunc(s.layers, func(l *layer) bool { return l.id == f.Track.ID }) {
			continue
		}
		l, bad := newLayer(f.Track, 0)
		if bad != nil {
			s.unfit, err = f.Track, bad
			continue
		}
		l.newest = f.DTS - overdue.duration()
		keys[l] = f
		s.layers = append(s.layers, l)
	}
	if len(s.layers) == 0 {
		return nil, err
	}
	if err != nil {
		s.log.Warn("a rendition is left out", "track", s.unfit.ID, "error", err)
	}
	slices.SortFunc(s.layers, func(a, b *layer) int { return a.id - b.id })
	for i, l := range s.layers {
		l.lane = i
	}
	s.lead = s.layers[0]
	return keys[s.lead], nil
}

// assign plans what each lane carries from the next configure on: its own rendition or, where that is silent
// or not there, the nearest. It tells whether any lane changes.
func (s *session) assign() (changed bool) {
	s.planned = append(s.planned[:0], s.carried...)
	for i := len(s.planned); i < s.cut.window.laneCount(); i++ {
		s.planned = append(s.planned, nil)
	}
	for i, old := range s.planned {
		var best *layer
		for _, l := range s.layers {
			if l.away || l.lane < 0 {
				continue
			}
			if best == nil || far(l, i) < far(best, i) || far(l, i) == far(best, i) && l.lane > best.lane {
				best = l
			}
		}
		if best != old {
			s.planned[i] = best
			changed = true
		}
	}
	return changed
}

func far(l *layer, lane int) int { return max(l.lane-lane, lane-l.lane) }

// recast looks, at a key frame of the leading rendition, which of the others are there and what has become
// of them. It tells whether lanes must change what they carry, or its format, which takes a discontinuity.
func (s *session) recast() (changed bool) {
	for _, l := range s.layers {
		if l == s.lead {
			changed = changed || l.next != nil
			continue
		}
		away := s.isAway(l)
		if away != l.away {
			s.log.Info("rendition", "track", l.id, "away", away)
			l.away, l.late = away, false
			l.begin()
		}
		if l.away {
			continue
		}
		if l.lane < 0 {
			l.lane = s.freeLane()
		}
		changed = changed || l.lane >= 0 && l.next != nil
	}
	return s.assign() || changed
}

// isAway tells whether l is silent, or was until just now.
func (s *session) isAway(l *layer) bool {
	behind := s.lead.newest - l.newest
	if l.unfit || behind > max(layerGone, 3*l.rate.frame().duration()) || -behind > jump.duration() {
		return true
	}
	return l.away && l.newest-l.since < layerBack
}

// freeLane gives a lane that no layer owns, -1 if there is none.
func (s *session) freeLane() int {
	for i := range s.carried {
		if !slices.ContainsFunc(s.layers, func(l *layer) bool { return l.lane == i }) {
			return i
		}
	}
	return -1
}

// join plans a lane of its own for renditions that have newly come, and tells whether there are any.
func (s *session) join() (joined bool) {
	for _, l := range s.layers {
		if l.lane < 0 && !l.away {
			l.lane = len(s.planned)
			s.planned = append(s.planned, l)
			joined = true
		}
	}
	return joined
}

// configure lets lanes carry what was planned, and makes the initialization sections that are needed from
// here on, with that sound.
func (s *session) configure(audio *audioFormat) {
	s.audio, s.late = audio, nil
	s.carried = append(s.carried[:0], s.planned...)
	for _, l := range s.layers {
		l.carried = !l.away
		if l.away || l.init != nil && l.next == nil && l.init.audio == audio {
			continue
		}
		if l.next != nil {
			l.video, l.next = l.next, nil
			if l != s.lead {
				l.begin()
			}
		}
		data := appendInit(nil, l.video, audio)
		l.init = &initSection{
			name: nameOf('i', s.inits, s.id, ".mp4"), data: data, length: contentLength(len(data)), video: l.video, audio: audio,
		}
		s.inits++
		sound := "none"
		if audio != nil {
			sound = audio.codec
		}
		s.log.Info("packaging", "track", l.id, "video", l.video.codec, "width", l.video.width, "height", l.video.height, "audio", sound)
	}
	for i, l := range s.carried {
		s.cut.window.format(i, l.init, l.lane != i)
	}
	s.cut.window.hears(audio)
}

// paces gives the frame rates of the lanes' own renditions, 0 where unknown.
func (s *session) paces() []float64 {
	s.rates = s.rates[:0]
	for range s.carried {
		s.rates = append(s.rates, 0)
	}
	for _, l := range s.layers {
		switch {
		case l == s.lead:
			s.rates[l.lane] = s.cut.rate.perSecond()
		case l.carried:
			s.rates[l.lane] = l.rate.perSecond()
		}
	}
	return s.rates
}
