package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	slatePatience = time.Minute // for a child that makes a slate
	maxSlateBytes = 32 << 20
)

// makeSlate draws a slate and has it coded.
func (f *FFmpeg) makeSlate(ctx context.Context, format SlateFormat) (*Slate, error) {
	if format.Width < 16 || format.Height < 16 || format.Width > 8192 || format.Height > 8192 {
		return nil, fmt.Errorf("transcode: a slate cannot have %d by %d pixels", format.Width, format.Height)
	}
	encoder, err := f.slateEncoder(format)
	if err != nil {
		return nil, err
	}
	rate := strconv.FormatFloat(format.FrameRate, 'f', 3, 64)
	args := []string{
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", format.Width, format.Height), "-r", rate, "-i", "pipe:0",
		"-threads", "1", "-pix_fmt", "yuv420p", "-g", strconv.Itoa(int(math.Round(format.FrameRate))),
	}
	args = append(append(args, encoder...), "-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "pipe:1")
	c, err := f.start(args...)
	if err != nil {
		return nil, fmt.Errorf("transcode: start ffmpeg: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, slatePatience)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	frames := int(math.Round(format.FrameRate * slateLength.Seconds()))
	drawn := make(chan struct{})
	go func() { // a child that goes before it has read all is heard of by its output
		defer close(drawn)
		defer c.stdin.Close()
		drawSlate(c.stdin, format.Width, format.Height, frames)
	}()
	out, err := io.ReadAll(io.LimitReader(c.stdout, maxSlateBytes))
	if err == nil && len(out) == maxSlateBytes {
		c.kill()
	}
	if ended := c.wait(); err == nil {
		err = ended
	}
	<-drawn
	if err != nil {
		return nil, fmt.Errorf("transcode: ffmpeg made no slate: %w: %s", err, strings.Join(c.said.lines(3), "; "))
	}
	m, err := parseMP4(out)
	if err != nil {
		return nil, fmt.Errorf("transcode: what ffmpeg made: %w", err)
	}
	if len(m.samples) != frames || !m.samples[0].Key {
		return nil, fmt.Errorf("transcode: ffmpeg made %d pictures of %d", len(m.samples), frames)
	}
	return m.slate(format), nil
}

// slateEncoder gives the options of an encoder that makes a format without reordering pictures.
func (f *FFmpeg) slateEncoder(format SlateFormat) ([]string, error) {
	switch format.Codec {
	case media.H264:
		profile := "high"
		switch format.Profile {
		case 66:
			profile = "baseline"
		case 77:
			profile = "main"
		}
		if lists(f.encoders, "libx264") {
			return []string{"-c:v", "libx264", "-preset", "veryfast", "-profile:v", profile, "-bf", "0", "-sc_threshold", "0", "-crf", "24"}, nil
		}
	case media.HEVC:
		if lists(f.encoders, "libx265") {
			return []string{"-c:v", "libx265", "-preset", "ultrafast", "-crf", "26", "-tag:v", "hvc1", "-x265-params", "bframes=0:scenecut=0:open-gop=0:log-level=error"}, nil
		}
	case media.AV1:
		if lists(f.encoders, "libaom-av1") {
			return []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-b:v", "500k"}, nil
		}
	}
	return nil, fmt.Errorf("transcode: ffmpeg %s has no encoder for %v", f.version, format.Codec)
}

// slate makes one of what was coded.
func (m *mp4) slate(format SlateFormat) *Slate {
	t := &media.Track{
		ID: media.FirstVideo, Kind: media.Video, Codec: format.Codec, Config: m.config,
		Width: format.Width, Height: format.Height, FrameRate: format.FrameRate,
	}
	if format.Codec == media.H264 {
		t.SPS, t.PPS = parameterSets(m.config)
	}
	return &Slate{Track: t, Frames: m.samples, Every: time.Duration(float64(time.Second) / format.FrameRate)}
}

// parameterSets gives the first SPS and PPS of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3);
// nil for what it does not hold.
func parameterSets(c []byte) (sps, pps []byte) {
	if len(c) < 6 {
		return nil, nil
	}
	take := func(b []byte, count int) (first, rest []byte, err error) {
		for i := range count {
			if len(b) < 2 || len(b)-2 < int(b[0])<<8|int(b[1]) {
				return nil, nil, errors.New("cut short")
			}
			n := 2 + (int(b[0])<<8 | int(b[1]))
			if i == 0 {
				first = b[2:n]
			}
			b = b[n:]
		}
		return first, b, nil
	}
	sps, rest, err := take(c[6:], int(c[5]&0x1F))
	if err != nil || len(rest) == 0 {
		return sps, nil
	}
	pps, _, _ = take(rest[1:], int(rest[0]))
	return sps, pps
}
