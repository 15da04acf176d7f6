package media_test

import (
	"encoding/hex"
	"strings"
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
		{hevc("01 01 60000000 900000000000 5D"), "hvc1.1.6.L93.90", "HEVC"},
		{hevc("01 22 20000000 B00000000000 99"), "hvc1.2.4.H153.B0", "HEVC"},
		{hevc("01 41 60000000 000000000001 3C"), "hvc1.A1.6.L60.0.0.0.0.0.1", "HEVC"},
		{hevc("01 24 08000000 000000000000 B4"), "hvc1.4.10.H180", "HEVC"},
		{media.Track{Codec: media.HEVC}, "", "HEVC"},
		{media.Track{Codec: media.AV1, Config: []byte{0x81, 0x00, 0x0C, 0}}, "av01.0.00M.08", "AV1"},
		{media.Track{Codec: media.AV1, Config: []byte{0x81, 0x08, 0x4C, 0}}, "av01.0.08M.10", "AV1"},
		{media.Track{Codec: media.AV1, Config: []byte{0x81, 0x53, 0xE0, 0}}, "av01.2.19H.12", "AV1"},
		{media.Track{Codec: media.AV1}, "", "AV1"},
		{media.Track{Codec: media.Opus, Config: make([]byte, 11)}, "opus", "Opus"},
		{media.Track{Codec: media.Opus}, "", "Opus"},
		{media.Track{}, "", "unknown"},
	} {
		if got := c.track.RFC6381(); got != c.name || c.track.Codec.String() != c.string {
			t.Errorf("%v: %q, want %q", c.track.Codec, got, c.name)
		}
	}
}

// hevc gives a track with the first bytes of a decoder configuration.
func hevc(config string) media.Track {
	b, err := hex.DecodeString(strings.ReplaceAll(config, " ", ""))
	if err != nil {
		panic(err)
	}
	return media.Track{Codec: media.HEVC, Config: b}
}
