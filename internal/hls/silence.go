package hls

import (
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// Silence gives a frame of silence in the format of an audio track, and how long it lasts; nil where none
// is known.
func Silence(t *media.Track) (frame []byte, length time.Duration) {
	f, err := newAudioFormat(t)
	if err != nil || f.silence == nil {
		return nil, 0
	}
	return f.silence, time.Duration(f.frame) * time.Second / time.Duration(f.rate)
}

// mute lets a Run without sound have silence in the format of the Run before it, if both are one stream:
// browsers take no initialization section with other kinds of tracks than those they began with (Media
// Source Extensions, initialization segment received).
func (s *session) mute() {
	if before := s.cut.window.heard(); before != nil && before.silence != nil {
		s.audio, s.muted, s.audioWait = before, true, 0
	}
}

// hears notes what sound a Run has.
func (w *Window) hears(a *audioFormat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.expected {
		w.sound = a
	}
}

// heard gives the sound of the stream's Run before; nil if it had none, or there was none.
func (w *Window) heard() *audioFormat {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sound
}
