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
