package rtc

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// pictures decodes H.264 and gives each picture's checksum.
func pictures(t *testing.T, stream []byte) (sums []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "v.h264")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-f", "h264", "-i", file, "-fps_mode", "passthrough", "-f", "framemd5", "-")
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil || complaint.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, complaint.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			words := strings.Split(strings.TrimSpace(line), ",")
			sums = append(sums, strings.TrimSpace(words[len(words)-1]))
		}
	}
	return sums
}

// A still looks like the picture before it, and what follows decodes as if it were not there.
func TestStillsLookLikeThePictureBefore(t *testing.T) {
	for name, more := range map[string][]string{
		"baseline":                     {},
		"baseline, several slices":     {"-x264-params", "aud=1:slices=4:threads=1"},
		"baseline, several references": {"-refs", "4"},
		"main, arithmetic coder":       {"-profile:v", "main", "-coder", "1"},
		"main, weighted prediction":    {"-profile:v", "main", "-coder", "1", "-x264-params", "aud=1:slices=1:threads=1:weightp=2"},
		"high, 720p":                   {"-profile:v", "high", "-coder", "1", "-s", "1280x720", "-x264-params", "aud=1:slices=1:threads=1:8x8dct=1"},
		"high, odd size":               {"-profile:v", "high", "-coder", "1", "-s", "322x182"},
		"high, 1080p, quantizer of 10": {"-profile:v", "high", "-coder", "1", "-s", "1920x1080", "-qp", "10"},
	} {
		t.Run(name, func(t *testing.T) {
			video, _ := encodeWHIP(t, "", "1.5", append([]string{"-g", "20"}, more...)...)
			var d h264Depacketizer
			var s stills
			var track *media.Track
			var plain, held []byte
			var want []int // the picture each one looks like
			for i, c := range video {
				p := packetizer{whole: true}
				for _, w := range p.picture(c) {
					q, _ := parseRTP(w.data)
					d.add(&q)
				}
				if !d.finish() {
					t.Fatal("broken")
				}
				if d.key {
					track = d.sets.track(d.firstSlice(), track)
				}
				s.follow(track, d.firstSlice())
				for _, nal := range c.nals {
					plain = append(append(plain, 0, 0, 0, 1), nal...)
					held = append(append(held, 0, 0, 0, 1), nal...)
				}
				want = append(want, i)
				if i%7 == 3 {
					for range 1 + i%4 {
						still := s.make()
						if still == nil {
							t.Fatal("no still can be made")
						}
						if n := int(binary.BigEndian.Uint32(still)); n != len(still)-4 {
							t.Fatalf("%d bytes in %d", n, len(still)-4)
						}
						held = append(append(held, 0, 0, 0, 1), still[4:]...)
						want = append(want, i)
					}
				}
			}
			from, got := pictures(t, plain), pictures(t, held)
			if len(got) != len(want) || len(from) != len(video) {
				t.Fatalf("%d pictures, want %d; %d without stills, want %d", len(got), len(want), len(from), len(video))
			}
			for i := range got {
				if got[i] != from[want[i]] {
					t.Fatalf("picture %d is not number %d", i, want[i])
				}
			}
		})
	}
}

// isStill tells a picture that repeats the one before from what the test's encoder makes.
func isStill(f *media.Frame) bool { return !f.Key && len(f.Payload) < 30 }

func without(all []wire, from, to time.Duration) []wire {
	return shuffled(all, 0, func(_ int, w wire) bool { return w.kind == Video && w.at >= from && w.at < to })
}

// renumber closes the gaps in the sequence numbers: what was never sent is not lost.
func renumber(all []wire) []wire {
	next := map[Kind]uint16{Video: 65500, Audio: 7}
	for i := range all {
		if w := &all[i]; !w.report {
			binary.BigEndian.PutUint16(w.data[2:], next[w.kind])
			next[w.kind]++
		}
	}
	return all
}

func TestMutedCameraKeepsTheStreamGoing(t *testing.T) {
	video, audio := encodeWHIP(t, "", "16")
	for name, c := range map[string]struct {
		from, to time.Duration
		keys     int // repeated
	}{
		"for 0.5 s, which is nothing":       {from: 3100 * time.Millisecond, to: 3600 * time.Millisecond},
		"for 1.5 s":                         {from: 3100 * time.Millisecond, to: 4600 * time.Millisecond},
		"for 7 s":                           {from: 3500 * time.Millisecond, to: 10500 * time.Millisecond, keys: 3},
		"to the end":                        {from: 3500 * time.Millisecond, to: time.Hour, keys: 5},
		"and back with other than key ones": {from: 3500 * time.Millisecond, to: 8500 * time.Millisecond, keys: 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, FramesOptions{})
			r.send(reports(renumber(without(broadcast(video, audio), c.from, c.to))))
			vs, _ := r.end()
			stills, keys := 0, 0
			seen := map[string]bool{}
			for i, f := range vs {
				if i > 0 {
					if gap := f.PTS - vs[i-1].PTS; gap > stillAfter {
						t.Errorf("no picture for %v before %v", gap, f.PTS)
					} else if gap <= 0 {
						t.Errorf("pictures at %v and %v", vs[i-1].PTS, f.PTS)
					}
				}
				if f.Key && seen[string(f.Payload)] {
					keys++
				}
				seen[string(f.Payload)] = true
				if isStill(f) {
					stills++
				}
			}
			if keys != c.keys {
				t.Errorf("%d key frames repeated, want %d", keys, c.keys)
			}
			if long := c.to-c.from > time.Second; long != (stills > 1) {
				t.Errorf("%d stills", stills)
			}
			_, url := r.packaged(t, r.frames)
			judge(t, url)
		})
	}
}

// A width that overflows to a small one would have a still of two thousand million macroblocks.
func TestPicturesOfAnImpossibleSizeAreRefused(t *testing.T) {
	for _, width := range []uint32{8, 1<<28 + 8} {
		sps := bitWriter{b: []byte{0x67, 77, 0, 30}}
		for _, v := range []uint32{0, 0, 2, 1} { // id, frame numbers, order of pictures, references
			sps.ue(v)
		}
		sps.bits(0, 1)
		sps.ue(width - 1)
		sps.ue(8 - 1)
		sps.bits(0b11001, 5) // frames only, no cropping, nothing on use, the end
		var sets parameterSets
		sets.learnSPS(escape(sps.b, 1))
		sets.learnPPS([]byte{0x68, 0xEE, 0x3C, 0x80})
		slice := []byte{0x65, 0x88, 0x84, 0, 0x21, 0xFF, 0xFF}
		track := sets.track(slice, nil)
		if (track != nil) != (width == 8) {
			var s stills
			s.follow(track, slice)
			t.Errorf("%d macroblocks wide: got %v, with %d macroblocks to skip", width, track, s.mbs)
		}
	}
}
