package channel

import (
	"fmt"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Multitrack is what a channel says of encoders that send several renditions themselves.
type Multitrack struct {
	Allowed  bool
	Required bool // nothing else is taken; only with Allowed
	MaxLines int  // of a picture's shorter edge; 0: no limit
}

// MaxRenditions is how many video tracks a multitrack input has at most.
const MaxRenditions = 5

// AWS's words for what is wrong with an input.
const (
	codeNotAllowed = "MultitrackInputNotAllowed"
	codeRequired   = "MultitrackInputRequired"
	codeCount      = "InvalidMultitrackInputTrackCount"
	codeProperties = "InvalidMultitrackInputVideoTrackMediaProperties"
)

// misfit is why a channel does not take what its encoder sends. Its session ends, with code.
type misfit struct {
	code string
	why  *fault.Error
}

func (m *misfit) Error() string { return m.why.Error() }
func (m *misfit) Unwrap() error { return m.why }

func misfits(code, format string, args ...any) *misfit {
	return &misfit{code, fault.AccessDenied("%s", fmt.Sprintf(format, args...))}
}

// judge tells what is wrong with the renditions of a publication that promises a number of video tracks, of
// which some have come; nil if nothing is. The layers of a WHIP simulcast are no multitrack input, so
// nothing forbids them, but they are several renditions where those are required.
func (m Multitrack) judge(protocol string, promised int, come []*media.Track) error {
	count := max(promised, len(come))
	switch {
	case m.Required && count < 2:
		return misfits(codeRequired, "this channel takes multitrack input only, and the encoder sends one video track")
	case count < 2 || protocol == "WHIP":
		return nil
	case !m.Allowed:
		return misfits(codeNotAllowed, "this channel takes no multitrack input, and the encoder sends %d video tracks", count)
	case count > MaxRenditions:
		return misfits(codeCount, "a multitrack input has at most %d video tracks, and the encoder sends %d", MaxRenditions, count)
	}
	for _, t := range come {
		if lines := min(t.Width, t.Height); m.MaxLines > 0 && lines > m.MaxLines {
			return misfits(codeProperties, "this channel takes a multitrack input of up to %dp, and a video track is %dx%d", m.MaxLines, t.Width, t.Height)
		}
	}
	return nil
}

// lineup is what comes of a publication: each kind's tracks in the order of their IDs, the best first.
type lineup struct{ videos, audios []*media.Track }

// take notes the track of a frame, and tells whether it was not there before, and whether it has changed.
func (l *lineup) take(t *media.Track) (joined, changed bool) {
	list := &l.videos
	if t.Kind == media.Audio {
		list = &l.audios
	}
	at := 0
	for ; at < len(*list); at++ {
		switch known := (*list)[at]; {
		case known == t:
			return false, false
		case known.ID == t.ID:
			l.put(list, at, t)
			return false, true
		case known.ID > t.ID:
			l.insert(list, at, t)
			return true, true
		}
	}
	l.insert(list, at, t)
	return true, true
}

// put and insert leave what others read meanwhile as it is.
func (l *lineup) put(list *[]*media.Track, at int, t *media.Track) {
	next := append([]*media.Track(nil), *list...)
	next[at] = t
	*list = next
}

func (l *lineup) insert(list *[]*media.Track, at int, t *media.Track) {
	next := append([]*media.Track(nil), (*list)[:at]...)
	*list = append(append(next, t), (*list)[at:]...)
}

// best gives the best track of a kind; nil if there is none.
func best(list []*media.Track) *media.Track {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// notice takes the tracks of frames that came, and tells whether there are new ones. A publication that its
// channel does not take gives why; then nothing of it counts. The caller holds mu.
func (s *session) notice(p *publication, frames []*media.Frame) (joined bool, err error) {
	l, changed := p.lineup, false
	for _, f := range frames {
		j, c := l.take(f.Track)
		joined, changed = joined || j, changed || c
	}
	if !changed {
		return false, nil
	}
	return joined, s.lineUp(p, l)
}

// lineUp makes a line-up that of a publication, if its channel takes it. The caller holds mu.
func (s *session) lineUp(p *publication, l lineup) error {
	if len(l.videos) > 0 {
		if err := s.spec.Multitrack.judge(p.protocol, p.stream.Info().Videos, l.videos); err != nil {
			return err
		}
	}
	p.lineup = l
	// What the encoder did not bring back after its line was lost stays what it was.
	if v := best(l.videos); v != nil {
		s.video = v
	}
	if a := best(l.audios); a != nil {
		s.audio = a
	}
	return nil
}

// renditions are the video tracks that come now, and the audio tracks.
func (s *session) renditions() (videos, audios []*media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pub.lineup.videos, s.pub.lineup.audios
}

// noteRenditions writes all tracks down, unless fewer have come than are written already.
func (s *session) noteRenditions(r *Record) {
	videos, audios := s.renditions()
	if len(videos) >= len(r.Videos) {
		r.Videos = trackRecords(videos)
	}
	if len(audios) >= len(r.Audios) {
		r.Audios = trackRecords(audios)
	}
}

func trackRecords(list []*media.Track) []TrackRecord {
	out := make([]TrackRecord, 0, len(list))
	for _, t := range list {
		out = append(out, *trackRecord(t))
	}
	return out
}
