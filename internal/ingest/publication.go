package ingest

import (
	"bytes"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/streamcat/streamcat/internal/media"
)

// declared is what onMetaData says of the tracks; zero where it says nothing.
type declared struct {
	frameRate    float64
	video, audio media.Bitrate
}

// publication turns the messages of one publisher into the frames of its stream.
type publication struct {
	stream *media.Stream
	arena  arena
	clock  clock
	said   declared

	avc        *avcConfig
	video      *media.Track // nil until there is a decoder configuration
	videoClock trackClock
	asc        []byte
	audio      *media.Track
	audioClock trackClock

	videos, audios int64 // frames written
	early          int64 // frames that came before their configuration, or held no picture
}

// alloc is where messages of this publisher are put together: frames stay where they are.
func (p *publication) alloc(kind byte, n int) []byte {
	if kind == msgVideo || kind == msgAudio {
		return p.arena.buffer(n)
	}
	return make([]byte, 0, n)
}

// onVideo takes the body of a video tag; b becomes the frame's.
func (p *publication) onVideo(b []byte, timestamp uint32, arrived time.Time) error {
	tag, err := parseVideoTag(b)
	if err != nil || tag.skip {
		return err
	}
	switch tag.packet {
	case packetConfig:
		return p.configureVideo(tag.data)
	case packetFrame:
	default:
		return nil
	}
	if p.avc == nil {
		p.early++
		return nil
	}
	pic, err := p.avc.accessUnit(tag.data)
	if err != nil {
		return err
	}
	if pic.changed {
		if err := p.avc.rebuild(); err != nil {
			return err
		}
		if p.video, err = p.avc.track(media.FirstVideo, p.said); err != nil {
			return err
		}
	}
	if pic.payload == nil {
		p.early++
		return nil
	}
	f := p.arena.frame()
	f.Track, f.Arrived, f.Key, f.Payload = p.video, arrived, pic.key, pic.payload
	f.DTS = p.clock.at(&p.videoClock, timestamp)
	f.PTS = max(f.DTS+time.Duration(tag.offset)*time.Millisecond, 0)
	p.videos++
	return p.stream.Write(f)
}

func (p *publication) configureVideo(b []byte) error {
	c, err := parseAVCConfig(b)
	if err != nil {
		return err
	}
	if p.avc != nil && p.avc.lengthSize == c.lengthSize && bytes.Equal(p.avc.record, c.record) {
		return nil // encoders repeat it: the track stays the same one
	}
	t, err := c.track(media.FirstVideo, p.said)
	if err != nil {
		return err
	}
	p.avc, p.video = c, t
	return nil
}

// onAudio takes the body of an audio tag; b becomes the frame's.
func (p *publication) onAudio(b []byte, timestamp uint32, arrived time.Time) error {
	tag, err := parseAudioTag(b)
	if err != nil || tag.skip {
		return err
	}
	switch tag.packet {
	case packetConfig:
		return p.configureAudio(tag.data)
	case packetFrame:
	default:
		return nil
	}
	if p.audio == nil || len(tag.data) == 0 {
		p.early++
		return nil
	}
	f := p.arena.frame()
	f.Track, f.Arrived, f.Key, f.Payload = p.audio, arrived, true, tag.data
	f.DTS = p.clock.at(&p.audioClock, timestamp)
	f.PTS = f.DTS
	p.audios++
	return p.stream.Write(f)
}

func (p *publication) configureAudio(b []byte) error {
	if len(b) == 0 || p.audio != nil && bytes.Equal(p.asc, b) {
		return nil
	}
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal(b); err != nil {
		return badAudio("the decoder configuration cannot be read, use AAC-LC")
	}
	channels := int(asc.ChannelConfig)
	switch {
	case channels == 7:
		channels = 8
	case channels == 0 || channels > 7:
		return badAudio("the channel layout cannot be read, use mono or stereo")
	}
	if asc.SampleRate < 7350 || asc.SampleRate > 96000 {
		return badAudio("the sample rate is out of bounds")
	}
	p.asc = bytes.Clone(b)
	p.audio = &media.Track{
		ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: p.asc,
		SampleRate: asc.SampleRate, Channels: channels, Bitrate: p.said.audio,
	}
	return nil
}

// onData takes the values of a data message. Only metadata means something here; tracks that are
// described already stay as they are, since a new Track would tell readers of a change of parameters.
func (p *publication) onData(values []any) {
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if len(values) < 2 || values[0] != "onMetaData" {
		return
	}
	m, _ := values[1].(amfObject)
	p.said = declared{
		frameRate: positive(m.number("framerate"), 1000),
		video:     media.Bitrate(positive(m.number("videodatarate"), 1e6) * 1000),
		audio:     media.Bitrate(positive(m.number("audiodatarate"), 1e6) * 1000),
	}
	if e := printable(m.text("encoder"), 128); e != "" {
		p.stream.Describe(media.Info{Encoder: e})
	}
}

func positive(v, most float64) float64 {
	if v > 0 && v <= most {
		return v
	}
	return 0
}

// printable cuts s to n bytes and takes out what is not text, since it will be logged and shown.
func printable(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// seconds rounds a duration for logs.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
