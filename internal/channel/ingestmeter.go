package channel

import (
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// ingestMeter measures what comes in of a session: note counts, and take gives what came since it was last taken.
// note allocates nothing. All methods may be called from any goroutine.
type ingestMeter struct {
	mu     sync.Mutex
	since  time.Time // when counting began
	tracks [meteredVideos]trackMeter
	audio  int64 // payload bytes
	input  time.Duration
	noted  int64 // frames, ever
}

// meteredVideos is how many video tracks are told apart; AWS takes fewer.
const meteredVideos = 8

// trackMeter measures one video track.
type trackMeter struct {
	frames, bytes int64
	known         bool
	last, lastKey time.Duration // DTS
	interval      time.Duration // between the last two key frames; zero before the second
}

// Reading is what came in within some time, by second.
type Reading struct {
	Videos []TrackReading // by track, the best first; those of which nothing came are zero
	Audio  media.Bitrate
	Input  time.Duration // how much time of media came, going by the best video track
}

// TrackReading is what came of one video track.
type TrackReading struct {
	Bitrate   media.Bitrate
	FrameRate float64
	Keyframes time.Duration // between the last two key frames; zero if there were no two
}

// Bitrate is that of all video tracks.
func (r Reading) Bitrate() (sum media.Bitrate) {
	for _, v := range r.Videos {
		sum += v.Bitrate
	}
	return sum
}

// Best is the best video track.
func (r Reading) Best() TrackReading {
	if len(r.Videos) == 0 {
		return TrackReading{}
	}
	return r.Videos[0]
}

func (m *ingestMeter) note(frames []*media.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noted += int64(len(frames))
	for _, f := range frames {
		if f.Track.Kind == media.Audio {
			m.audio += int64(len(f.Payload))
			continue
		}
		i := f.Track.ID - media.FirstVideo
		if i < 0 || i >= meteredVideos {
			continue
		}
		t := &m.tracks[i]
		t.frames++
		t.bytes += int64(len(f.Payload))
		step := f.DTS - t.last
		if !t.known || step < 0 || step > clockJump {
			t.known, t.lastKey, t.interval = true, f.DTS, 0
		} else {
			if i == 0 {
				m.input += step
			}
			if f.Key {
				t.interval, t.lastKey = f.DTS-t.lastKey, f.DTS
			}
		}
		t.last = f.DTS
	}
}

// begin tells since when is counted.
func (m *ingestMeter) begin(since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since = since
}

// take gives what came since the last time, and begins anew.
func (m *ingestMeter) take(now time.Time) Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	took := max(now.Sub(m.since), time.Millisecond).Seconds()
	r := Reading{Audio: media.Bitrate(float64(m.audio) * 8 / took), Input: m.input}
	videos := 0
	for i := range m.tracks {
		if m.tracks[i].known {
			videos = i + 1
		}
	}
	r.Videos = make([]TrackReading, videos)
	for i := range r.Videos {
		t := &m.tracks[i]
		r.Videos[i] = TrackReading{
			Bitrate: media.Bitrate(float64(t.bytes) * 8 / took), FrameRate: float64(t.frames) / took, Keyframes: t.interval,
		}
		if t.frames == 0 {
			r.Videos[i].Keyframes = 0
		}
		t.frames, t.bytes = 0, 0
	}
	m.audio, m.input, m.since = 0, 0, now
	return r
}
