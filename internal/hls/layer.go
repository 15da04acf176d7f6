package hls

import (
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	maxLayers   = 8               // renditions of one stream that are packaged
	layerGone   = time.Second     // after how long without a frame another rendition stands in
	layerBack   = 2 * time.Second // how long it must have been back to be taken back
	layerAhead  = 150 * millisecond
	layerFrames = 1024 // that wait for the leading rendition
)

// layer is one video track of a session: a rendition. The leading one's frames go to the cutter as they
// come. Those of the others wait here until a part is written, and are put on the timeline only then, since
// only then it is known which belong to it.
type layer struct {
	id    int          // of the track
	lane  int          // -1: it has none yet
	video *videoFormat // of init
	init  *initSection
	track *media.Track // of the newest key frame
	next  *videoFormat // what a new initialization section must say; nil: video

	end    ticks // where the last sample of the part written last ends; valid if hasEnd
	hasEnd bool
	piece  piece // of the part that is being written

	queue   []*media.Frame
	bytes   int
	needKey bool // nothing is taken before a key frame
	rate    pacer
	newest  time.Duration // decoding time of the last frame that came
	since   time.Duration // and of the key frame it came with after it was away
	late    bool          // its frames come too late to be waited for
	away    bool          // it is silent, or was a moment ago: another one is to stand in
	unfit   bool          // its frames cannot be packaged
	carried bool          // by a lane
	samples []sample      // for one part
}

func newLayer(t *media.Track, lane int) (*layer, error) {
	video, err := newVideoFormat(t)
	if err != nil {
		return nil, err
	}
	return &layer{id: t.ID, lane: lane, track: t, next: video, rate: newPacer(t.FrameRate), needKey: true}, nil
}

// begin makes the layer start anew with a key frame.
func (l *layer) begin() { l.hasEnd, l.needKey = false, true }

// push takes a frame to wait. What is too much is lost, up to the next key frame.
func (l *layer) push(f *media.Frame, maxBytes int) {
	if l.away && f.Key || len(l.queue) == layerFrames || l.bytes+len(f.Payload) > maxBytes {
		l.drop(len(l.queue))
		if !f.Key {
			l.needKey = true
		}
	}
	l.queue = append(l.queue, f)
	l.bytes += len(f.Payload)
}

// drop forgets the first n frames.
func (l *layer) drop(n int) {
	for _, f := range l.queue[:n] {
		l.bytes -= len(f.Payload)
	}
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
}

// take gives the samples that belong to a part which ends at t: those of the frames whose middle is before
// t, so that a key frame that is meant to begin the next part does, though clocks differ a little. They are
// valid until the next call.
func (s *session) take(l *layer, t ticks) []sample {
	frame := l.rate.frame()
	if frame == 0 {
		frame = s.cut.frameTime()
	}
	out, n := l.samples[:0], 0
	for ; n < len(l.queue); n++ {
		f := l.queue[n]
		at := s.ticks(f.DTS)
		if at+frame/2 >= t {
			break
		}
		if !sameFormat(l.video.track, f.Track) {
			if l.next != nil {
				break // it waits for its initialization section
			}
			continue
		}
		if l.needKey {
			if !f.Key || at < s.cut.partStart-layerAhead {
				continue
			}
			l.needKey = false
		}
		decode := at
		if last := len(out) - 1; last >= 0 {
			decode = max(at, ticks(out[last].dts)+1)
			out[last].dur = uint32(int64(decode) - out[last].dts)
		} else if l.hasEnd && at-l.end <= jump {
			decode = l.end // no gaps and no overlaps, as in placeVideo
		}
		out = append(out, sample{payload: f.Payload, dts: int64(decode), cts: offset(s.ticks(f.PTS) - decode), key: f.Key})
	}
	if last := len(out) - 1; last >= 0 {
		dur := max(frame, millisecond)
		if n < len(l.queue) {
			if next := s.ticks(l.queue[n].DTS) - ticks(out[last].dts); next > 0 && next < second {
				dur = next
			}
		}
		out[last].dur = uint32(dur)
		l.end, l.hasEnd = ticks(out[last].dts)+dur, true
	}
	l.drop(n)
	l.samples = out
	return out
}

// pack makes the pieces of a part that ends at t in all lanes: the leading rendition's of what the cutter
// has, with so much sound.
func (s *session) pack(t ticks, sound []sample) []piece {
	c := s.cut
	number, messages := c.window.fragment(c.partStart)
	lead := s.lead
	lead.piece = piece{data: newFragment(number, c.partStart, messages, c.pending, sound)}
	if len(c.pending) > 0 {
		last := c.lastVideo()
		lead.end, lead.hasEnd = ticks(last.dts)+ticks(last.dur), true
		lead.piece.independent = c.pending[0].key
	}
	for _, l := range s.layers {
		if l == lead || !l.carried {
			continue
		}
		video := s.take(l, t)
		l.piece = piece{data: newFragment(number, c.partStart, messages, video, sound), independent: len(video) > 0 && video[0].key}
		clear(video) // the payloads are copied
	}
	s.pieces = s.pieces[:0]
	for i, l := range s.carried {
		p := l.piece
		p.standIn = l.lane != i
		s.pieces = append(s.pieces, p)
	}
	for _, l := range s.layers {
		l.piece = piece{}
	}
	return s.pieces
}
