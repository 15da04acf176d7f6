package hls

import (
	"encoding/binary"
	"os/exec"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// encode has ffmpeg encode a test picture and a tone, and gives the frames an RTMP server would: whole
// milliseconds, as FLV has them.
func encode(t testing.TB, args ...string) []*media.Frame {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-nostdin"}, args...), "-f", "flv", "-")...)
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return flvFrames(t, data)
}

func encodeClip(t testing.TB, length, rate, gop string, more ...string) []*media.Frame {
	t.Helper()
	return encode(t, append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=" + rate, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", length, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
		"-c:a", "aac", "-ac", "2", "-b:a", "64k",
	}, more...)...)
}

// flvFrames reads H.264 and AAC out of an FLV file.
func flvFrames(t testing.TB, data []byte) (frames []*media.Frame) {
	t.Helper()
	var video, audio *media.Track
	for at := 13; at+11 <= len(data); {
		size := int(binary.BigEndian.Uint32(data[at:]) & 0xFFFFFF)
		kind := data[at]
		ms := int64(data[at+7])<<24 | int64(data[at+4])<<16 | int64(data[at+5])<<8 | int64(data[at+6])
		body := data[at+11 : at+11+size]
		at += 11 + size + 4
		dts := time.Duration(ms) * time.Millisecond
		f := &media.Frame{DTS: dts, PTS: dts, Arrived: testStart.Add(dts)}
		switch kind {
		case 9:
			if body[1] == 0 {
				video = videoTrack(0)
				video.Config, video.Width, video.Height = body[5:], 320, 180
				continue
			}
			if body[1] != 1 {
				continue
			}
			offset := int32(uint32(body[2])<<24|uint32(body[3])<<16|uint32(body[4])<<8) >> 8
			f.Track, f.Payload, f.Key = video, body[5:], body[0]>>4 == 1
			f.PTS += time.Duration(offset) * time.Millisecond
		case 8:
			if body[1] == 0 {
				audio = audioTrack()
				audio.Config = body[2:]
				continue
			}
			f.Track, f.Payload, f.Key = audio, body[2:], true
		default:
			continue
		}
		frames = append(frames, f)
	}
	return frames
}
