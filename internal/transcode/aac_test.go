package transcode

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

func find(t testing.TB) *FFmpeg {
	t.Helper()
	f, err := FindFFmpeg("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// clicks is Opus of silence with a click of 5 ms at each whole second from the first on.
func clicks(t testing.TB, length string) (packets [][]byte) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-t", length, "-i",
		"aevalsrc=if(gte(t\\,0.5)*lt(mod(t\\,1)\\,0.005)\\,0.8*sin(2*PI*2000*t)\\,0):s=48000",
		"-ac", "2", "-c:a", "libopus", "-b:a", "96k", "-frame_duration", "20", "-page_duration", "20000", "-f", "ogg", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return oggPackets(out)[2:]
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

// collector keeps frames, and lets a test wait for those up to a time.
type collector struct {
	mu     sync.Mutex
	frames []*media.Frame
	more   chan struct{}
}

func newCollector() *collector { return &collector{more: make(chan struct{}, 1)} }

func (c *collector) write(f *media.Frame) {
	c.mu.Lock()
	c.frames = append(c.frames, f)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// until waits for a frame at or after a time.
func (c *collector) until(t testing.TB, at time.Duration) []*media.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		c.mu.Lock()
		frames := c.frames
		c.mu.Unlock()
		if n := len(frames); n > 0 && frames[n-1].PTS >= at {
			return frames
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			t.Fatalf("no frame at %v; %d frames", at, len(frames))
		}
	}
}

// pcm decodes frames and gives each sample's loudness with the time of the first.
func pcm(t testing.TB, frames []*media.Frame) []float64 {
	t.Helper()
	var in bytes.Buffer
	for _, f := range frames {
		c := f.Track.Config
		n := len(f.Payload) + 7
		in.Write([]byte{0xFF, 0xF1, c[0]>>3<<6 - 1<<6 | (c[0]&7<<1|c[1]>>7)<<2, c[1] >> 3 & 7 << 6, 0, 0, 0xFC})
		h := in.Bytes()[in.Len()-7:]
		h[3] |= byte(n >> 11)
		h[4] = byte(n >> 3)
		h[5] = byte(n<<5) | 0x1F
		in.Write(f.Payload)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-f", "aac", "-i", "-", "-ac", "1", "-f", "s16le", "-")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float64, len(out)/2)
	for i := range samples {
		samples[i] = math.Abs(float64(int16(binary.LittleEndian.Uint16(out[2*i:])))) / 32768
	}
	return samples
}

// heard gives when clicks begin, by the timestamps of the frames they are in.
func heard(t testing.TB, frames []*media.Frame) (at []time.Duration) {
	t.Helper()
	samples := pcm(t, frames)
	if len(samples) != len(frames)*aacFrame {
		t.Fatalf("%d samples of %d frames", len(samples), len(frames))
	}
	quiet := opusRate
	for i, v := range samples {
		if v < 0.1 {
			quiet++
			continue
		}
		if quiet > opusRate/10 {
			at = append(at, frames[i/aacFrame].PTS+durationOf(int64(i%aacFrame), opusRate))
		}
		quiet = 0
	}
	return at
}

const lead = 7 * time.Second // where the tests' streams begin

func opusFrame(i int, packet []byte) *media.Frame {
	at := lead + time.Duration(i)*20*time.Millisecond
	return &media.Frame{Track: &media.Track{ID: 2, Kind: media.Audio, Codec: media.Opus}, DTS: at, PTS: at, Key: true, Payload: packet}
}

const lipSync = 40 * time.Millisecond

func TestSoundStaysInStep(t *testing.T) {
	packets := clicks(t, "6.5")
	for _, c := range []struct {
		name   string
		lost   func(i int) bool // packets that never come
		clicks []time.Duration
	}{
		{"without a gap", func(int) bool { return false }, []time.Duration{1, 2, 3, 4, 5, 6}},
		{"one packet in seven lost", func(i int) bool { return i%7 == 3 && i%50 > 5 && i%50 < 45 }, []time.Duration{1, 2, 3, 4, 5, 6}},
		{"0.7 s missing", func(i int) bool { return i > 55 && i < 91 }, []time.Duration{1, 2, 3, 4, 5, 6}},
		{"2.5 s missing", func(i int) bool { return i > 110 && i < 235 }, []time.Duration{1, 2, 5, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := newCollector()
			a := find(t).NewAAC(AACOptions{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, out.write)
			defer a.Close()
			for i, p := range packets {
				if c.lost(i) {
					continue
				}
				if !a.Frame(opusFrame(i, p)) {
					t.Fatal("the child is gone")
				}
				if i%200 == 199 {
					out.until(t, opusFrame(i, nil).PTS-200*time.Millisecond) // the queue is not endless
				}
			}
			frames := out.until(t, lead+6200*time.Millisecond)
			last := time.Duration(0)
			for _, f := range frames {
				if f.DTS <= last {
					t.Fatalf("frame at %v after one at %v", f.DTS, last)
				}
				last = f.DTS
			}
			if got := frames[0].Track.RFC6381(); got != "mp4a.40.2" || frames[0].Track.SampleRate != 48000 {
				t.Errorf("track is %+v", frames[0].Track)
			}
			at := heard(t, frames)
			if len(at) != len(c.clicks) {
				t.Fatalf("clicks at %v", at)
			}
			for i, n := range c.clicks {
				off := at[i] - lead - n*time.Second
				t.Logf("click %d is %v off", n, off)
				if off.Abs() > lipSync {
					t.Errorf("click %d is %v off", n, off)
				}
			}
		})
	}
}

// What goes in comes out soon: the child holds little back.
func TestLittleIsHeldBack(t *testing.T) {
	packets := clicks(t, "4")
	out := newCollector()
	a := find(t).NewAAC(AACOptions{}, out.write)
	defer a.Close()
	for i, p := range packets[:100] {
		a.Frame(opusFrame(i, p))
	}
	fed := opusFrame(100, nil).PTS
	frames := out.until(t, fed-120*time.Millisecond)
	t.Logf("%v of sound held back", fed-frames[len(frames)-1].PTS)
}

// script makes an ffmpeg of a few shell lines.
func script(t *testing.T, lines string) *FFmpeg {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o755); err != nil {
		t.Fatal(err)
	}
	return &FFmpeg{path: path}
}

// feedUntilRefused feeds until the child is given up.
func feedUntilRefused(t *testing.T, a *AAC) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; a.Frame(opusFrame(i, opusSilence)); i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the child is still fed")
		}
	}
}

func TestChildThatFailsIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct{ lines, log string }{
		"dies at once":         {"echo out of luck >&2; exit 3", "out of luck"},
		"writes nonsense":      {"echo this is not sound; cat >/dev/null", "not ADTS"},
		"stalls":               {"cat >/dev/null", "stalled"},
		"does not even read":   {"sleep 1000 & wait", "stalled"},
		"ends in good order":   {"exit 0", "failed"},
		"says endless nothing": {"yes x >&2", "stalled"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			a := script(t, c.lines).NewAAC(AACOptions{Log: slog.New(slog.NewTextHandler(&log, nil)), stall: 200 * time.Millisecond}, func(*media.Frame) {})
			feedUntilRefused(t, a)
			a.Close()
			if !strings.Contains(log.String(), c.log) {
				t.Errorf("log is %s", log.String())
			}
		})
	}
	t.Run("cannot be started", func(t *testing.T) {
		a := (&FFmpeg{path: "/nonexistent/ffmpeg"}).NewAAC(AACOptions{}, func(*media.Frame) {})
		feedUntilRefused(t, a)
		a.Close()
	})
}

func TestCloseLeavesNoProcess(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pids")
	a := script(t, "echo $$ >"+file+"\nsleep 1000 &\necho $! >>"+file+"\ntouch "+file+".ready\nwait").NewAAC(AACOptions{}, func(*media.Frame) {})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file + ".ready"); err == nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the child does not start")
		}
	}
	a.Close()
	a.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range strings.Fields(string(text)) {
		for alive(pid) { // killed, but perhaps not yet gone
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("process %s is still there", pid)
			}
		}
	}
}

// alive tells whether a process runs; one that is dead and not waited for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestSlowChildLosesFramesAndHoldsUpNobody(t *testing.T) {
	a := script(t, "sleep 1000").NewAAC(AACOptions{}, func(*media.Frame) {})
	defer a.Close()
	big := append([]byte{0xF8}, make([]byte, 1200)...)
	for i := range 2000 {
		if !a.Frame(opusFrame(i, big)) {
			t.Fatal("given up too early")
		}
	}
	if n := a.dropped.Load(); n < 1000 {
		t.Errorf("%d frames dropped", n)
	}
}

func TestFFmpegThatCannotIsNotUsed(t *testing.T) {
	for name, lines := range map[string]string{
		"fails":      "exit 1",
		"has no AAC": `case "$*" in *version*) echo "ffmpeg version 1.2 x";; *encoders*) echo " A..... flac";; *) echo " DE aac opus";; esac`,
	} {
		if _, err := openFFmpeg(script(t, lines).path); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Log(err)
		}
	}
	if f := find(t); f.Version() == "" {
		t.Error("no version")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := FindFFmpeg("ffmpeg"); err == nil {
		t.Error("found in an empty directory")
	}
}
