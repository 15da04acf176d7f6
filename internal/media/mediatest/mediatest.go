// Package mediatest gives tests real media: frames that ffmpeg encoded, read by parsers that are not ours.
package mediatest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/streamcat/streamcat/internal/media"
)

// Options of ffmpeg for encoders that are quick; key frames come every 30 pictures and nowhere else.
var (
	H264 = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0"}
	HEVC = []string{
		"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1",
		"-x265-params", "log-level=error:keyint=30:min-keyint=30:scenecut=0:open-gop=0",
	}
	AV1 = []string{
		"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-row-mt", "1", "-pix_fmt", "yuv420p",
		"-g", "30", "-keyint_min", "30", "-lag-in-frames", "0", "-b:v", "300k",
	}
	AAC  = []string{"-c:a", "aac", "-ac", "2", "-b:a", "64k"}
	Opus = []string{"-c:a", "libopus", "-ac", "2", "-b:a", "64k"}
)

// Picture and Tone are inputs of ffmpeg: a moving picture of a size such as "320x180" at 30 frames/s, and a
// sine wave. Length is in seconds, such as "2".
func Picture(size, length string) []string {
	return []string{"-f", "lavfi", "-t", length, "-i", "testsrc2=size=" + size + ":rate=30"}
}

// Tone is described at Picture.
func Tone(length string) []string {
	return []string{"-f", "lavfi", "-t", length, "-i", "sine=frequency=440:sample_rate=48000"}
}

// Encode has ffmpeg encode what args say, at most one video and one audio track, and gives the frames in
// the order of their decoding times. Times begin at zero, but for a video with B-frames.
func Encode(t testing.TB, args ...[]string) []*media.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	line := append([]string{"-v", "error", "-nostdin"}, slices.Concat(args...)...)
	line = append(line, "-movflags", "frag_keyframe+delay_moov+default_base_moof", "-strict", "experimental", "-f", "mp4", "-")
	file, err := exec.CommandContext(ctx, "ffmpeg", line...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	frames, err := read(file)
	if err != nil {
		t.Fatalf("what ffmpeg wrote: %v", err)
	}
	return frames
}

func read(file []byte) ([]*media.Frame, error) {
	var head fmp4.Init
	if err := head.Unmarshal(bytes.NewReader(file)); err != nil {
		return nil, err
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(file[bytes.Index(file, []byte("moof"))-4:]); err != nil {
		return nil, err
	}
	var frames []*media.Frame
	for _, in := range head.Tracks {
		track, err := describe(in.Codec, file)
		if err != nil {
			return nil, err
		}
		at := func(n int64) time.Duration { return time.Duration(n) * time.Second / time.Duration(in.TimeScale) }
		for _, part := range parts {
			for _, pt := range part.Tracks {
				if pt.ID != in.ID {
					continue
				}
				dts := int64(pt.BaseTime)
				for i, s := range pt.Samples {
					frames = append(frames, &media.Frame{
						Track: track, DTS: at(dts), PTS: at(dts + int64(s.PTSOffset)),
						Key: track.Kind == media.Audio || i == 0, Payload: s.Payload, // a fragment begins with a key frame
					})
					dts += int64(s.Duration)
				}
			}
		}
	}
	slices.SortStableFunc(frames, func(a, b *media.Frame) int { return cmp.Compare(a.DTS, b.DTS) })
	return frames, nil
}

func describe(c codecs.Codec, file []byte) (*media.Track, error) {
	video := func(codec media.Codec, box string, width, height int, rate float64) *media.Track {
		return &media.Track{
			ID: media.FirstVideo, Kind: media.Video, Codec: codec, Config: body(file, box),
			Width: width, Height: height, FrameRate: rate,
		}
	}
	sound := media.Track{ID: media.FirstAudio, Kind: media.Audio, SampleRate: 48000}
	switch c := c.(type) {
	case *codecs.H264:
		var sps h264.SPS
		err := sps.Unmarshal(c.SPS)
		t := video(media.H264, "avcC", sps.Width(), sps.Height(), sps.FPS())
		t.SPS, t.PPS = c.SPS, c.PPS
		return t, err
	case *codecs.H265:
		var sps h265.SPS
		err := sps.Unmarshal(c.SPS)
		return video(media.HEVC, "hvcC", sps.Width(), sps.Height(), sps.FPS()), err
	case *codecs.AV1:
		var header av1.SequenceHeader
		err := header.Unmarshal(c.SequenceHeader)
		return video(media.AV1, "av1C", header.Width(), header.Height(), 0), err
	case *codecs.Opus:
		sound.Codec, sound.Config, sound.Channels = media.Opus, body(file, "dOps"), c.ChannelCount
		return &sound, nil
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		sound.Codec, sound.Config, sound.Channels = media.AAC, config, int(c.Config.ChannelConfig)
		sound.SampleRate = c.Config.SampleRate
		return &sound, err
	}
	return &media.Track{}, nil
}

// body gives what is in the first box of a kind.
func body(file []byte, kind string) []byte {
	at := bytes.Index(file, []byte(kind))
	size := int(binary.BigEndian.Uint32(file[at-4:]))
	return file[at+4 : at-4+size : at-4+size]
}
