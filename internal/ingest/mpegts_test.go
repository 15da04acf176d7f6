package ingest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// transport makes a transport stream of two seconds of a synthetic picture and tone.
func transport(t testing.TB, args ...string) []byte {
	t.Helper()
	in := []string{
		"-hide_banner", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-t", "2", "-i", "testsrc=size=320x180:rate=30",
		"-f", "lavfi", "-t", "2", "-i", "sine=sample_rate=48000",
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append(in, args...), "-f", "mpegts", "pipe:1")...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, said.String())
	}
	return out
}

var (
	tsPicture = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-b_strategy", "0", "-g", "15", "-pix_fmt", "yuv420p"}
	tsTone    = []string{"-c:a", "aac", "-ac", "2"}
)

func with(args ...[]string) []string { return slices.Concat(args...) }

// demux feeds a transport stream in pieces and gives the frames that a reader from the start sees.
func demux(t testing.TB, b []byte, piece int) ([]*media.Frame, *tsReader, error) {
	t.Helper()
	s := media.NewStream()
	reader := s.NewReader(media.ReaderOptions{Frames: 1 << 16, Bytes: 1 << 30})
	defer reader.Close()
	r := newTSReader(s)
	var err error
	for p := range slices.Chunk(b, piece) {
		if err = r.feed(p, time.Unix(1, 0)); err != nil {
			break
		}
	}
	if err == nil {
		err = r.end()
	}
	s.Close()
	var frames []*media.Frame
	for {
		fs, end := reader.Next(t.Context())
		if end == io.EOF {
			return frames, r, err
		}
		if end != nil {
			t.Fatal(end)
		}
		frames = append(frames, fs...)
	}
}

func TestTransportStreamsBecomeFrames(t *testing.T) {
	for _, c := range []struct {
		name         string
		args         []string
		video, audio media.Codec
		audios       int // at least
	}{
		{"H.264 with B-frames and AAC", with(tsPicture, tsTone), media.H264, media.AAC, 90},
		{"HEVC with B-frames and AAC", with([]string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=3:keyint=15:log-level=none", "-pix_fmt", "yuv420p"}, tsTone), media.HEVC, media.AAC, 90},
		{"H.264 and Opus", with(tsPicture, []string{"-c:a", "libopus", "-ac", "2"}), media.H264, media.Opus, 95},
		{"with a clock that wraps in the middle", with(tsPicture, tsTone, []string{"-output_ts_offset", "95442"}), media.H264, media.AAC, 90},
		{"several AAC frames in a packet", with(tsPicture, tsTone, []string{"-pes_payload_size", "3000"}), media.H264, media.AAC, 90},
		{"AAC before supported audio", with(tsPicture, tsTone, []string{"-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:a:0", "mp2", "-c:a:1", "aac"}), media.H264, media.AAC, 90},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := transport(t, c.args...)
			var first []*media.Frame
			for _, piece := range []int{1316, 188, 100, len(b)} {
				frames, r, err := demux(t, b, piece)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = frames
				}
				if len(frames) != len(first) {
					t.Fatalf("%d frames in pieces of %d bytes, %d before", len(frames), piece, len(first))
				}
				for i, f := range frames {
					if f.DTS != first[i].DTS || f.PTS != first[i].PTS || !bytes.Equal(f.Payload, first[i].Payload) {
						t.Fatalf("frame %d differs in pieces of %d bytes", i, piece)
					}
				}
				if r.skipped > 0 {
					t.Errorf("skipped: %d", r.skipped)
				}
			}
			checkTimeline(t, first)
			video, audio := split(first)
			if len(video) != 60 || len(audio) < c.audios-2 {
				t.Errorf("%d video and %d audio frames", len(video), len(audio))
			}
			shown := map[time.Duration]bool{}
			for i, f := range video {
				shown[f.PTS] = true
				if i > 0 && (f.DTS-video[i-1].DTS-time.Second/30).Abs() > time.Millisecond {
					t.Errorf("frame %d is %v after the one before", i, f.DTS-video[i-1].DTS)
				}
				if f.Key != (i%15 == 0) && c.video == media.H264 {
					t.Errorf("frame %d: key %v", i, f.Key)
				}
			}
			if len(shown) != 60 {
				t.Errorf("%d display times", len(shown))
			}
			// Both began at the same time, and encoders delay each in its own way, by less than this.
			if d := video[0].PTS - audio[0].PTS; d.Abs() > 100*time.Millisecond {
				t.Errorf("video begins %v after the sound", d)
			}
			if tr := video[0].Track; tr.Codec != c.video || tr.Width != 320 || tr.Height != 180 || tr.FrameRate != 30 {
				t.Errorf("video track: %+v", tr)
			}
			if tr := audio[0].Track; tr.Codec != c.audio || tr.SampleRate != 48000 || tr.Channels != 2 || tr != audio[len(audio)-1].Track {
				t.Errorf("audio track: %+v", tr)
			}
		})
	}
}

func TestWhatIsLostNeverShows(t *testing.T) {
	whole := transport(t, with(tsPicture, tsTone)...)
	sound, _, err := demux(t, whole, 1316)
	if err != nil {
		t.Fatal(err)
	}
	goodVideo, goodAudio := split(sound)
	for name, harm := range map[string]func(*rand.Rand, []byte) []byte{
		"packets are missing": func(r *rand.Rand, b []byte) []byte {
			var out []byte
			for p := range slices.Chunk(b, tsPacket) {
				if r.Float64() > 0.01 {
					out = append(out, p...)
				}
			}
			return out
		},
		"fifteen packets of one kind are missing": func(_ *rand.Rand, b []byte) []byte {
			var out []byte
			skip := 0
			for i, p := range slices.Collect(slices.Chunk(b, tsPacket)) {
				if i == 50 {
					skip = 15
				}
				if skip > 0 && p[1]&0x1F == 1 && p[2] == 0 && p[3]&0x10 != 0 { // ffmpeg's video is on PID 0x100
					skip--
					continue
				}
				out = append(out, p...)
			}
			return out
		},
		"garbage comes in between": func(r *rand.Rand, b []byte) []byte {
			var out []byte
			for p := range slices.Chunk(b, tsPacket) {
				if r.Float64() < 0.01 {
					for range r.IntN(400) {
						out = append(out, byte(r.Uint32()))
					}
				}
				out = append(out, p...)
			}
			return out
		},
		"packets are marked as damaged": func(r *rand.Rand, b []byte) []byte {
			out := bytes.Clone(b)
			for p := range slices.Chunk(out, tsPacket) {
				if r.Float64() < 0.01 {
					p[1] |= 0x80
					for i := range p[4:] {
						p[4+i] = byte(r.Uint32())
					}
				}
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			frames, r, err := demux(t, harm(rand.New(rand.NewPCG(1, 2)), whole), 1316)
			if err != nil {
				t.Fatal(err)
			}
			if len(frames) < len(sound)/3 || len(frames) >= len(sound) || r.skipped == 0 {
				t.Errorf("%d of %d frames, skipped %d", len(frames), len(sound), r.skipped)
			}
			checkTimeline(t, frames)
			video, audio := split(frames)
			for i, missed := range missing(t, goodVideo, video) {
				if missed && !video[i].Key {
					t.Errorf("picture %d follows lost ones and is no key frame", i)
				}
			}
			missing(t, goodAudio, audio)
		})
	}
}

// missing tells for each frame whether sent ones are missing before it. All frames must have been sent.
func missing(t *testing.T, sent, got []*media.Frame) []bool {
	t.Helper()
	out := make([]bool, len(got))
	next := 0
	for i, f := range got {
		at := slices.IndexFunc(sent[next:], func(s *media.Frame) bool { return bytes.Equal(s.Payload, f.Payload) })
		if at < 0 {
			t.Fatalf("frame %d was never sent, or not in this order", i)
		}
		out[i] = at > 0
		next += at + 1
	}
	return out
}

func TestPacketsSentTwiceAreTakenOnce(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	once, _, err := demux(t, b, 1316)
	if err != nil {
		t.Fatal(err)
	}
	var twice []byte
	for p := range slices.Chunk(b, tsPacket) {
		twice = append(append(twice, p...), p...)
	}
	frames, r, err := demux(t, twice, 1316)
	if err != nil || len(frames) != len(once) || r.skipped != 0 {
		t.Errorf("%d frames, want %d; skipped %d; %v", len(frames), len(once), r.skipped, err)
	}
}

func TestProgramMapsMayChange(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	other := transport(t, with(tsPicture, tsTone, []string{"-s", "640x360", "-mpegts_start_pid", "0x200", "-output_ts_offset", "2"})...)
	frames, r, err := demux(t, append(b, other...), 1316)
	if err != nil {
		t.Fatal(err)
	}
	checkTimeline(t, frames)
	video, audio := split(frames)
	if len(video) != 120 || len(audio) < 180 {
		t.Errorf("%d video and %d audio frames, skipped %d", len(video), len(audio), r.skipped)
	}
	if a, b := video[59].Track, video[60].Track; a.Width != 320 || b.Width != 640 || !video[60].Key {
		t.Errorf("tracks: %+v, then %+v", a, b)
	}
}

// The picture goes away, and comes back with times that overlap those from before.
func TestTimesGoOnAfterAProgramMapWithoutVideo(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	b = append(b, transport(t, with([]string{"-vn"}, tsTone, []string{"-t", "0.2", "-output_ts_offset", "2"})...)...)
	b = append(b, transport(t, with(tsPicture, tsTone, []string{"-output_ts_offset", "1.6"})...)...)
	frames, r, err := demux(t, b, 1316)
	if err != nil {
		t.Fatal(err)
	}
	checkTimeline(t, frames)
	if video, audio := split(frames); len(video) != 120 || len(audio) < 180 {
		t.Errorf("%d video and %d audio frames, skipped %d", len(video), len(audio), r.skipped)
	}
}

// A picture that is to be shown before it is decoded, which in 33 bits is a day later.
func TestImpossibleDisplayTimesAreNotTaken(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	changed := 0
	for p := range slices.Chunk(b, tsPacket) {
		if p[1] != 0x41 || p[2] != 0 { // ffmpeg's video is on PID 0x100
			continue
		}
		pes := p[4:]
		if p[3]&0x20 != 0 {
			pes = p[5+int(p[4]):]
		}
		if pes[7]&0xC0 == 0xC0 {
			pts, dts := bytes.Clone(pes[9:14]), bytes.Clone(pes[14:19])
			copy(pes[9:], dts)
			copy(pes[14:], pts)
			changed++
		}
	}
	frames, _, err := demux(t, b, 1316)
	if err != nil || changed == 0 {
		t.Fatalf("%d changed; %v", changed, err)
	}
	checkTimeline(t, frames)
	for _, f := range frames {
		if f.PTS != f.DTS {
			t.Errorf("a picture is shown %v after its time", f.PTS-f.DTS)
		}
	}
}

func TestOtherCodecsAreNamed(t *testing.T) {
	for want, args := range map[string][]string{
		"sends MPEG-2 video, use H.264 or HEVC": with([]string{"-c:v", "mpeg2video"}, tsTone),
		"sends MPEG-1 audio, use AAC":           with(tsPicture, []string{"-c:a", "mp2"}),
		"sends AC-3, use AAC":                   with(tsPicture, []string{"-c:a", "ac3"}),
		"sends AAC in LATM, use AAC":            with(tsPicture, tsTone, []string{"-mpegts_flags", "latm"}),
		"use mono or stereo":                    with(tsPicture, []string{"-c:a", "libopus", "-ac", "6"}),
	} {
		_, _, err := demux(t, transport(t, args...), 1316)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A stream costs its frames, which have to live, and nothing for each packet.
func TestPacketsAllocateNothing(t *testing.T) {
	b := transport(t, with(tsPicture, tsTone)...)
	s := media.NewStream()
	r := newTSReader(s)
	feed := func() {
		for p := range slices.Chunk(b, 1316) {
			if err := r.feed(p, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	feed()
	frames, _ := s.Written()
	n := testing.AllocsPerRun(5, feed)
	if n > float64(frames)/4 {
		t.Errorf("%v allocations for %d frames in %d packets", n, frames, len(b)/tsPacket)
	}
}
