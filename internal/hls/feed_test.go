package hls

import (
	"encoding/binary"
	"sort"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

var testStart = time.Date(2026, 11, 20, 18, 30, 0, 0, time.UTC)

var (
	testSPS = []byte{
		0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00,
		0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20,
	}
	testPPS = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
)

func avcC(sps, pps []byte) []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xFF, 0xE1}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(sps))), sps...)
	b = append(b, 1)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(pps))), pps...)
}

func videoTrack(frameRate float64) *media.Track {
	return &media.Track{
		ID: 1, Kind: media.Video, Codec: media.H264, Config: avcC(testSPS, testPPS), SPS: testSPS, PPS: testPPS,
		Width: 1920, Height: 1080, FrameRate: frameRate,
	}
}

func audioTrack() *media.Track {
	return &media.Track{
		ID: 2, Kind: media.Audio, Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2,
	}
}

// feed describes what an encoder sends. Frames are dated as if sent in real time from start, and
// timestamps are whole milliseconds, as over RTMP.
type feed struct {
	start   time.Time
	length  time.Duration
	video   *media.Track
	audio   *media.Track              // nil: none
	frame   func(n int) time.Duration // decoding time of video frame n; nil: 30 fps
	gop     time.Duration             // default 2 s
	reorder bool                      // with B-frames
	bytes   int                       // of a video frame, default 1000
	origin  time.Duration             // of the timestamps

	audioFrom, audioUntil  time.Duration // when there is audio; until 0: to the end
	noAudioFrom, noAudioTo time.Duration
	noVideoFrom, noVideoTo time.Duration
	audioSkew              time.Duration // of the audio's arrival in the order of frames
}

func fps(rate float64) func(int) time.Duration {
	return func(n int) time.Duration { return time.Duration(float64(n) / rate * float64(time.Second)) }
}

func (f feed) frames() []*media.Frame {
	if f.start.IsZero() {
		f.start = testStart
	}
	if f.video == nil {
		f.video = videoTrack(0)
	}
	if f.frame == nil {
		f.frame = fps(30)
	}
	if f.gop == 0 {
		f.gop = 2 * time.Second
	}
	if f.bytes == 0 {
		f.bytes = 1000
	}
	if f.audioUntil == 0 {
		f.audioUntil = f.length
	}
	type dated struct {
		*media.Frame
		order time.Duration
	}
	var all []dated
	nextKey := time.Duration(0)
	for n := 0; f.frame(n) < f.length; n++ {
		at := f.frame(n)
		if at >= f.noVideoFrom && at < f.noVideoTo {
			continue
		}
		key := at >= nextKey-time.Millisecond
		if key {
			nextKey += f.gop
		}
		dts := at.Round(time.Millisecond)
		pts := dts
		if f.reorder { // I P B B: shown two frames later, the B-frames at once
			pts += [...]time.Duration{100, 133, 33, 33}[n%4] * time.Millisecond
		}
		size := f.bytes
		if key {
			size *= 5
		}
		all = append(all, dated{&media.Frame{Track: f.video, DTS: f.origin + dts, PTS: f.origin + pts, Arrived: f.start.Add(at), Key: key, Payload: make([]byte, size)}, at})
	}
	if f.audio != nil {
		for n := 0; ; n++ {
			at := time.Duration(n) * 1024 * time.Second / time.Duration(f.audio.SampleRate)
			if at >= f.audioUntil {
				break
			}
			if at < f.audioFrom || at >= f.noAudioFrom && at < f.noAudioTo {
				continue
			}
			dts := f.origin + at.Round(time.Millisecond)
			all = append(all, dated{&media.Frame{Track: f.audio, DTS: dts, PTS: dts, Arrived: f.start.Add(at), Key: true, Payload: make([]byte, 200)}, at + f.audioSkew})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].order < all[j].order })
	out := make([]*media.Frame, len(all))
	for i := range all {
		out[i] = all[i].Frame
	}
	return out
}
