package transcode

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// aacClicks is AAC of silence with a click of 5 ms at each whole second from the first on.
func aacClicks(t testing.TB, length string, rate, channels int) (track *media.Track, frames [][]byte) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-t", length, "-i",
		fmt.Sprintf("aevalsrc=if(gte(t\\,0.5)*lt(mod(t\\,1)\\,0.005)\\,0.8*sin(2*PI*2000*t)\\,0):s=%d", rate),
		"-ac", fmt.Sprint(channels), "-c:a", "aac", "-b:a", "128k", "-f", "adts", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(bytes.NewReader(out)); ; {
		f, err := readADTS(r)
		if errors.Is(err, io.EOF) {
			return track, frames
		} else if err != nil {
			t.Fatal(err)
		}
		track = &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: f.config[:], SampleRate: f.rate, Channels: channels}
		frames = append(frames, f.payload)
	}
}

// aacFrameAt is a frame as RTMP brings it, its time in whole milliseconds.
func aacFrameAt(track *media.Track, i int, payload []byte) *media.Frame {
	at := (lead + durationOf(int64(i)*aacFrame, int64(track.SampleRate))).Truncate(time.Millisecond)
	return &media.Frame{Track: track, DTS: at, PTS: at, Key: true, Payload: payload}
}

// heardOpus gives when clicks begin, by the timestamps of the packets they are in.
func heardOpus(t testing.TB, frames []*media.Frame) (at []time.Duration) {
	t.Helper()
	var o oggWriter
	in := o.appendHead(nil, 2)
	for _, f := range frames {
		if n := opusSamples(f.Payload); n != silenceSamples {
			t.Fatalf("a packet of %d samples", n)
		}
		in = o.appendPacket(in, f.Payload, silenceSamples)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-f", "ogg", "-i", "-", "-ac", "1", "-ar", "48000", "-f", "s16le", "-")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	quiet := opusRate
	for i := range len(out) / 2 {
		if math.Abs(float64(int16(binary.LittleEndian.Uint16(out[2*i:])))) < 3277 {
			quiet++
			continue
		}
		if quiet > opusRate/10 {
			at = append(at, frames[i/silenceSamples].PTS+durationOf(int64(i%silenceSamples), opusRate))
		}
		quiet = 0
	}
	return at
}

func TestOpusStaysInStep(t *testing.T) {
	for _, c := range []struct {
		name           string
		rate, channels int
		lost           func(ms int) bool // frames that never come
		clicks         []time.Duration
	}{
		{"48 kHz, stereo", 48000, 2, func(int) bool { return false }, []time.Duration{1, 2, 3}},
		{"44.1 kHz, mono", 44100, 1, func(int) bool { return false }, []time.Duration{1, 2, 3}},
		{"1.1 s missing", 44100, 2, func(ms int) bool { return ms > 1500 && ms < 2600 }, []time.Duration{1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			track, frames := aacClicks(t, "3.5", c.rate, c.channels)
			out := newCollector()
			p, err := find(t).NewOpus(track, OpusOptions{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, out.write)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for i, payload := range frames {
				f := aacFrameAt(track, i, payload)
				if c.lost(int((f.PTS - lead).Milliseconds())) {
					continue
				}
				if !p.Frame(f) {
					t.Fatal("the child is gone")
				}
				if i%150 == 149 {
					out.until(t, f.PTS-300*time.Millisecond) // the queue is not endless
				}
			}
			made := out.until(t, lead+3200*time.Millisecond)
			for i, f := range made {
				if i > 0 && f.DTS <= made[i-1].DTS {
					t.Fatalf("a packet at %v after one at %v", f.DTS, made[i-1].DTS)
				}
				if f.Track.Codec != media.Opus || f.Track != made[0].Track {
					t.Fatalf("track %+v", f.Track)
				}
			}
			at := heardOpus(t, made)
			if len(at) != len(c.clicks) {
				t.Fatalf("clicks at %v", at)
			}
			for i, n := range c.clicks {
				// ffmpeg's AAC has a frame before the first sample, whose time is that of the sound in it.
				off := at[i] - lead - n*time.Second - durationOf(aacPriming, int64(c.rate))
				t.Logf("click %d is %v off", n, off)
				if off.Abs() > lipSync {
					t.Errorf("click %d is %v off", n, off)
				}
			}
		})
	}
}

// More sound than there is time for is left out, so that times only grow and nothing gathers.
func TestOpusOfTooMuchSoundKeepsItsTime(t *testing.T) {
	track, frames := aacClicks(t, "4", 48000, 2)
	out := newCollector()
	p, err := find(t).NewOpus(track, OpusOptions{}, out.write)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i := range 150 { // three times at each time
		p.Frame(aacFrameAt(track, i/3, frames[i]))
	}
	end := aacFrameAt(track, 150, nil).PTS
	for i := 50; i < 200; i++ {
		p.Frame(aacFrameAt(track, i, frames[i%len(frames)]))
		if i == 150 {
			out.until(t, end-400*time.Millisecond)
		}
	}
	made := out.until(t, end)
	if n := int(end-lead) / int(20*time.Millisecond); len(made) < n-10 || len(made) > n+70 {
		t.Errorf("%d packets up to %v", len(made), made[len(made)-1].PTS)
	}
	for i, f := range made[1:] {
		if step := f.PTS - made[i].PTS; step <= 0 {
			t.Fatalf("a step of %v", step)
		}
	}
}

func TestSoundThatIsNoAACLCIsRefused(t *testing.T) {
	f := find(t)
	for name, track := range map[string]*media.Track{
		"HE-AAC":        {Codec: media.AAC, Config: []byte{5<<3 | 1, 0x90}},
		"six channels":  {Codec: media.AAC, Config: []byte{2<<3 | 1, 1<<7 | 6<<3}},
		"short frames":  {Codec: media.AAC, Config: []byte{2<<3 | 1, 1<<7 | 2<<3 | 4}},
		"any rate":      {Codec: media.AAC, Config: []byte{2<<3 | 7, 1<<7 | 2<<3}},
		"nothing known": {Codec: media.AAC},
		"Opus":          {Codec: media.Opus, Config: []byte{2<<3 | 1, 0x90}},
	} {
		if _, err := f.NewOpus(track, OpusOptions{}, func(*media.Frame) {}); !errors.Is(err, ErrNotAAC) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := &media.Track{Codec: media.AAC, Config: []byte{2<<3 | 1, 0x90}}
	if _, err := (&FFmpeg{encoders: " A..... aac\n"}).NewOpus(good, OpusOptions{}, nil); !errors.Is(err, ErrNoOpus) {
		t.Errorf("without libopus: %v", err)
	}
}

func TestOpusChildThatWritesNonsenseIsGivenUp(t *testing.T) {
	f := script(t, "echo this is not sound at all, and not Ogg; cat >/dev/null")
	f.encoders = " A..... libopus x\n"
	track := &media.Track{Codec: media.AAC, Config: []byte{2<<3 | 1, 0x90}, SampleRate: 48000}
	p, err := f.NewOpus(track, OpusOptions{}, func(*media.Frame) { t.Error("a frame") })
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.Frame(aacFrameAt(track, 0, []byte{1})) {
		t.Error("it is still fed")
	}
	p.Close()
}

func TestADTSHeadersAreReadBack(t *testing.T) {
	for rate := range adtsRates {
		for channels := byte(1); channels <= 2; channels++ {
			config := [2]byte{2<<3 | byte(rate)>>1, byte(rate)<<7 | channels<<3}
			h, ok := adtsHeadOf(&media.Track{Codec: media.AAC, Config: config[:]})
			if !ok {
				t.Fatalf("rate %d is refused", rate)
			}
			for _, n := range []int{1, 1000, adtsLongest} {
				got, err := readADTS(bufio.NewReader(bytes.NewReader(append(h.append(nil, n), make([]byte, n)...))))
				if err != nil || got.config != config || len(got.payload) != n {
					t.Fatalf("%d bytes at rate %d: %+v, %v", n, rate, got.config, err)
				}
			}
		}
	}
}

// FuzzOgg reads anything, and reads what is written.
func FuzzOgg(f *testing.F) {
	var o oggWriter
	f.Add(o.appendPacket(o.appendHead(nil, 2), bytes.Repeat([]byte{9}, 510), 960))
	f.Add([]byte("OggS\x00\x00aaaaaaaabbbbccccdddd\x03\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := oggReader{r: bufio.NewReader(bytes.NewReader(b))}
		var w oggWriter
		var again []byte
		var packets [][]byte
		for {
			p, err := in.next()
			if err != nil {
				break
			}
			if len(p) > oggLongest {
				t.Fatalf("%d bytes", len(p))
			}
			if len(packets) < 100 {
				packets, again = append(packets, p), w.appendPacket(again, p, 0)
			}
		}
		in = oggReader{r: bufio.NewReader(bytes.NewReader(again))}
		for i, want := range packets {
			if got, err := in.next(); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("packet %d of %d bytes is read back as %d bytes: %v", i, len(want), len(got), err)
			}
		}
		if _, err := in.next(); err != io.EOF {
			t.Errorf("after the last one: %v", err)
		}
	})
}
