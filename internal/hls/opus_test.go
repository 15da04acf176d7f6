package hls

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sort"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

func opusTestTrack() *media.Track {
	return &media.Track{
		ID: 2, Kind: media.Audio, Codec: media.Opus, Config: []byte{0, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
		SampleRate: 48000, Channels: 2,
	}
}

// tocs are first bytes of packets: 2.5, 5, 10, 20, 40 and 60 ms, and several frames in one packet.
var tocs = [][]byte{{0xE0}, {0xE8}, {0xF0}, {0xF8}, {0x10}, {0x18}, {0xF9}, {0xFB, 6}, {0xE3, 48}}

// withOpus puts Opus in the place of a feed's audio: packets by next, and none between two times.
func withOpus(frames []*media.Frame, length time.Duration, next func(n int) []byte, from, to time.Duration) []*media.Frame {
	var out []*media.Frame
	for _, f := range frames {
		if f.Track.Kind == media.Video {
			out = append(out, f)
		}
	}
	track := opusTestTrack()
	origin := frames[0].DTS - frames[0].Arrived.Sub(testStart)
	at := time.Duration(0)
	for n := 0; at < length; n++ {
		b := append(bytes.Clone(next(n)), make([]byte, 120)...)
		if at < from || at >= to {
			out = append(out, &media.Frame{Track: track, DTS: origin + at, PTS: origin + at, Arrived: testStart.Add(at), Key: true, Payload: b})
		}
		at += time.Duration(opusLength(b)) * time.Second / opusRate
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Arrived.Before(out[j].Arrived) })
	return out
}

func TestOpusKeepsTheRules(t *testing.T) {
	const length = 30 * time.Second
	r := rand.New(rand.NewPCG(1, 2))
	usual := func(int) []byte { return []byte{0xF8} }
	for name, c := range map[string]struct {
		next     func(int) []byte
		from, to time.Duration
	}{
		"20 ms":               {next: usual},
		"2.5 ms":              {next: func(int) []byte { return []byte{0xE0} }},
		"120 ms":              {next: func(int) []byte { return []byte{0xFB, 6} }},
		"all lengths":         {next: func(int) []byte { return tocs[r.IntN(len(tocs))] }},
		"absent for 0.3 s":    {next: usual, from: 5 * time.Second, to: 5300 * time.Millisecond},
		"absent for 6 s":      {next: usual, from: 5 * time.Second, to: 11 * time.Second},
		"begins after 5 s":    {next: usual, to: 5 * time.Second},
		"mixed, with a gap":   {next: func(int) []byte { return tocs[r.IntN(len(tocs))] }, from: 7 * time.Second, to: 7777 * time.Millisecond},
		"every third missing": {next: usual},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t)
			frames := withOpus(feed{length: length}.frames(), length, c.next, c.from, c.to)
			if name == "every third missing" {
				kept, n := frames[:0], 0
				for _, f := range frames {
					if f.Track.Kind == media.Audio {
						if n++; n%3 == 0 {
							continue
						}
					}
					kept = append(kept, f)
				}
				frames = kept
			}
			w.session(frames)
			if got := w.p.current.Load().variant.codecs; got != "avc1.42c028,opus" {
				t.Errorf("codecs are %s", got)
			}
			if end, want := w.s.audioEnd, (ticksAt(testStart) + ticksOf(length)).scale(opusRate); end < want-opusRate/4 || end > want+opusRate/4 {
				t.Errorf("sound ends %d samples off", end-want)
			}
		})
	}
}

func TestOpusFormats(t *testing.T) {
	good := opusTestTrack()
	a, err := newAudioFormat(good)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newVideoFormat(videoTrack(30))
	if err != nil {
		t.Fatal(err)
	}
	if _, faults := hlscheck.NewMedia(appendInit(nil, v, a)); len(faults) > 0 {
		t.Error(faults)
	}
	golden(t, "init-opus.txt", boxes(t, appendInit(nil, v, a)))
	for name, config := range map[string][]byte{
		"none":                   nil,
		"of another version":     {1, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
		"of six channels":        {0, 6, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5},
		"without a channel":      {0, 0, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
		"of three in a family 0": {0, 3, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
	} {
		bad := opusTestTrack()
		bad.Config = config
		if _, err := newAudioFormat(bad); err == nil {
			t.Errorf("a configuration %s is taken", name)
		}
	}
}

func TestOpusLength(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   int64
	}{
		{nil, 0},
		{[]byte{0xE0}, 120},
		{[]byte{0xE8}, 240},
		{[]byte{0xF0}, 480},
		{opusSilence, 960},
		{[]byte{0x00}, 480},
		{[]byte{0x18}, 2880},
		{[]byte{0x19}, 5760},
		{[]byte{0x7A}, 1920},
		{[]byte{0xFB}, 0},
		{[]byte{0xFB, 6}, 5760},
		{[]byte{0xFB, 7}, 0},
		{[]byte{0xFB, 0}, 0},
		{[]byte{0xE3, 48}, 5760},
	} {
		if got := opusLength(c.packet); got != c.want {
			t.Errorf("% x: %d samples, want %d", c.packet, got, c.want)
		}
	}
}

// A picture size that changes with the network's mood costs a discontinuity each, and breaks nothing.
func TestPictureSizeChangesAllTheTime(t *testing.T) {
	for _, every := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			const length = 40 * time.Second
			frames := withOpus(feed{length: length, gop: 500 * time.Millisecond}.frames(), length, func(int) []byte { return []byte{0xF8} }, 0, 0)
			var sizes []*media.Track
			for i, height := range []int{1080, 720, 540, 360} {
				v := videoTrack(0)
				v.Config = bytes.Clone(v.Config)
				v.Config[3] = byte(0x28 - i)
				v.Width, v.Height = height*16/9, height
				sizes = append(sizes, v)
			}
			for _, f := range frames {
				if f.Track.Kind == media.Video {
					f.Track = sizes[int(f.DTS/every)%len(sizes)]
				}
			}
			w := newWatch(t)
			w.session(frames)
			if got, want := w.p.Discontinuity()-16, uint64(length/every)-1; got < want-1 || got > want {
				t.Errorf("%d discontinuities, want %d", got, want)
			}
			if msn, _ := w.playlist.Last().End(); msn > sequenceAt(w.now) {
				t.Errorf("sequence number %d, a server started now would begin at %d", msn, sequenceAt(w.now))
			}
		})
	}
}

// Silence put into a gap of Opus decodes, and is silent, whether packets are of one channel or two.
func TestOpusSilenceDecodes(t *testing.T) {
	for _, channels := range []string{"1", "2"} {
		t.Run(channels+" channels", func(t *testing.T) {
			const length = 6 * time.Second
			out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-t", "6", "-i", "sine=frequency=440:sample_rate=48000",
				"-ac", channels, "-c:a", "libopus", "-b:a", "64k", "-page_duration", "20000", "-f", "ogg", "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			packets := oggPackets(out)[2:]
			frames := encodeClip(t, "6", "30", "60", "-an")
			frames = withOpus(frames, length, func(n int) []byte { return []byte{0xF8} }, 2*time.Second, 5*time.Second)
			for _, f := range frames {
				if f.Track.Kind == media.Audio {
					f.Payload = packets[f.DTS/(20*time.Millisecond)]
				}
			}
			p, srv := packaged(t, frames)
			p.End()
			last := 0.0
			for _, q := range ffprobe(t, srv.URL+"/channel.m3u8") { // which gives no durations of Opus in HLS
				at := number(t, q.PTS)
				if step := at - last; q.Kind == "audio" && last > 0 && (step < 0.0199 || step > 0.0201) {
					t.Errorf("a packet at %.4f, %.4f s after the one before", at, step)
				}
				if q.Kind == "audio" {
					last = at
				}
			}
			text, err := exec.Command("ffmpeg", "-nostdin", "-v", "info", "-i", srv.URL+"/channel.m3u8",
				"-vn", "-af", "silencedetect=noise=-60dB:d=2.5", "-f", "null", "-").CombinedOutput()
			if err != nil || !bytes.Contains(text, []byte("silence_duration: 2.9")) && !bytes.Contains(text, []byte("silence_duration: 3.0")) || bytes.Contains(text, []byte("Error")) {
				t.Errorf("ffmpeg: %v\n%s", err, text)
			}
		})
	}
}

func oggPackets(b []byte) (packets [][]byte) {
	var open []byte
	for len(b) >= 27 && string(b[:4]) == "OggS" {
		n := int(b[26])
		at := 27 + n
		for _, lace := range b[27 : 27+n] {
			open = append(open, b[at:at+int(lace)]...)
			at += int(lace)
			if lace < 255 {
				packets, open = append(packets, open), nil
			}
		}
		b = b[at:]
	}
	return packets
}
