package ingest

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/streamcat/streamcat/internal/media"
)

// parseAudioConfig describes the sound whose decoder configuration, as FLV has it, is b. The track keeps b.
func parseAudioConfig(c media.Codec, b []byte) (*media.Track, error) {
	t := &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: c}
	if c == media.Opus {
		dops, err := parseOpusHead(b)
		if err != nil {
			return nil, err
		}
		t.Config, t.SampleRate, t.Channels = dops, 48000, int(dops[1])
		return t, nil
	}
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal(b); err != nil {
		return nil, badAudio(media.AAC, "the decoder configuration cannot be read, use AAC-LC")
	}
	channels := int(asc.ChannelConfig)
	switch {
	case channels == 7:
		channels = 8
	case channels == 0 || channels > 7:
		return nil, badAudio(media.AAC, tooManyChannels)
	}
	if asc.SampleRate < 7350 || asc.SampleRate > 96000 {
		return nil, badAudio(media.AAC, "the sample rate is out of bounds")
	}
	t.Config, t.SampleRate, t.Channels = b, asc.SampleRate, channels
	return t, nil
}
