package mediatest_test

import (
	"testing"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/media/mediatest"
)

func TestEncodedFramesAreWhole(t *testing.T) {
	for name, c := range map[string]struct{ video, audio []string }{
		"H.264, AAC": {mediatest.H264, mediatest.AAC},
		"HEVC, AAC":  {mediatest.HEVC, mediatest.AAC},
		"AV1, Opus":  {mediatest.AV1, mediatest.Opus},
	} {
		var pictures, keys, sounds int
		for _, f := range mediatest.Encode(t, mediatest.Picture("320x180", "2"), mediatest.Tone("2"), c.video, c.audio) {
			if f.Track.RFC6381() == "" || len(f.Payload) == 0 {
				t.Fatalf("%s: %+v of %+v", name, f, f.Track)
			}
			if f.Track.Kind == media.Audio {
				sounds++
				continue
			}
			pictures++
			if f.Key {
				keys++
			}
			if f.Track.Width != 320 || f.Track.Height != 180 {
				t.Fatalf("%s: %+v", name, f.Track)
			}
		}
		if pictures != 60 || keys != 2 || sounds < 94 {
			t.Errorf("%s: %d pictures, %d key frames, %d frames of sound", name, pictures, keys, sounds)
		}
	}
}
