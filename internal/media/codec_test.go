package media_test

import (
	"testing"

	"github.com/streamcat/streamcat/internal/media"
)

func TestCodecNames(t *testing.T) {
	for _, c := range []struct {
		track        media.Track
		name, string string
	}{
		{media.Track{Codec: media.H264, SPS: []byte{0x67, 0x42, 0xC0, 0x1F}}, "avc1.42C01F", "H.264"},
		{media.Track{Codec: media.H264}, "", "H.264"},
		{media.Track{Codec: media.AAC, Config: []byte{0x11, 0x90}}, "mp4a.40.2", "AAC"},
		{media.Track{Codec: media.Opus, Config: make([]byte, 11)}, "opus", "Opus"},
		{media.Track{Codec: media.Opus}, "", "Opus"},
		{media.Track{}, "", "unknown"},
	} {
		if got := c.track.RFC6381(); got != c.name || c.track.Codec.String() != c.string {
			t.Errorf("%v: %q, want %q", c.track.Codec, got, c.name)
		}
	}
}
