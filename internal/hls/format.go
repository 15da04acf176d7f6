package hls

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/streamcat/streamcat/internal/media"
)

// videoFormat is what an initialization section and a CODECS attribute say of a video track.
type videoFormat struct {
	track         *media.Track
	entry, box    string // kinds of the sample entry, and of the box in it that holds the configuration
	config        []byte
	codec         string // RFC 6381
	width, height int
}

func newVideoFormat(t *media.Track) (*videoFormat, error) {
	f := &videoFormat{track: t, config: t.Config, codec: t.RFC6381(), width: t.Width, height: t.Height}
	switch t.Codec {
	case media.H264:
		return f, f.avc()
	case media.HEVC:
		return f, f.hevc()
	case media.AV1:
		return f, f.av1()
	}
	return nil, fmt.Errorf("video codec %v cannot be packaged", t.Codec)
}

var errNoConfig = errors.New("video track has no decoder configuration")

func (f *videoFormat) avc() error {
	if len(f.config) < 7 || f.config[0] != 1 {
		return errNoConfig
	}
	f.entry, f.box = "avc1", "avcC"
	f.config = bytes.Clone(f.config)
	f.config[4] |= 3 // frames carry lengths of 4 bytes, whatever the encoder used
	f.codec = fmt.Sprintf("avc1.%02x%02x%02x", f.config[1], f.config[2], f.config[3])
	return nil
}

// audioFormat is the same for an AAC or Opus track.
type audioFormat struct {
	track    *media.Track
	config   []byte
	codec    string
	rate     int // of the core decoder, which is also the track's timescale
	channels int
	frame    int64  // samples of one frame, at rate; of one of silence where frames differ
	differ   bool   // frames tell their length themselves: Opus
	silence  []byte // a frame of silence, nil where we know none
}

func newAudioFormat(t *media.Track) (*audioFormat, error) {
	switch t.Codec {
	case media.AAC:
		return newAACFormat(t)
	case media.Opus:
		return newOpusFormat(t)
	}
	return nil, fmt.Errorf("audio codec %v cannot be packaged", t.Codec)
}

// length gives how many samples a frame has; 0 if that cannot be read.
func (f *audioFormat) length(frame []byte) int64 {
	if f.differ {
		return opusLength(frame)
	}
	return f.frame
}

func newAACFormat(t *media.Track) (*audioFormat, error) {
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal(t.Config); err != nil {
		return nil, fmt.Errorf("audio decoder configuration: %w", err)
	}
	if asc.SampleRate <= 0 || len(t.Config) > 64 {
		return nil, errors.New("audio decoder configuration is out of range")
	}
	f := &audioFormat{track: t, config: t.Config, rate: asc.SampleRate, channels: t.Channels, frame: 1024}
	if asc.FrameLengthFlag {
		f.frame = 960
	}
	object := asc.Type
	if asc.ExtensionType != 0 {
		object = asc.ExtensionType
	}
	f.codec = fmt.Sprintf("mp4a.40.%d", object)
	switch asc.ChannelConfig {
	case 1:
		f.silence = silentMono
	case 2:
		f.silence = silentStereo
	}
	return f, nil
}

// Silent frames: one raw_data_block (ISO/IEC 14496-3 §4.4.2.1) whose only element, a single channel or
// a channel pair, has no scale factor bands, followed by the end mark. They fill gaps in the audio,
// since a gap makes a browser's decoder throw the video away up to the next key frame, too (Media
// Source Extensions, coded frame processing).
var (
	silentMono   = []byte{0x00, 0x00, 0x00, 0x07}
	silentStereo = []byte{0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0E}
)

// sameFormat tells whether two tracks decode alike: encoders repeat their parameters.
func sameFormat(a, b *media.Track) bool {
	return a == b || a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && bytes.Equal(a.Config, b.Config)
}
