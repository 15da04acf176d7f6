package ingest

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Sequence headers: of SVT-AV1, 320x180, and of libaom, 1280x720 in 10 bits.
var (
	av1Head180 = unhex("0a0b000000043cfeccfbf90040")
	av1Head720 = unhex("0a0b0000002d4cffb3cdaf9404")
)

var (
	av1Key     = []byte{0x32, 3, 0x10, 1, 2} // a frame: key, shown
	av1Inter   = []byte{0x32, 3, 0x30, 1, 2}
	av1Hidden  = []byte{0x32, 2, 0x00, 1} // a key frame that is not shown
	av1Again   = []byte{0x1A, 1, 0x80}    // a frame header that shows an existing frame
	av1Delim   = []byte{0x12, 0}
	av1Pad     = []byte{0x7A, 2, 0, 0x80}
	av1Meta    = []byte{0x2A, 2, 4, 0x80}
	av1Layered = []byte{0x36, 0x08, 2, 0x10, 1} // a key frame with an extension
)

func av1Record(obus ...[]byte) []byte { return append([]byte{0x81, 0, 0, 0}, join(obus...)...) }

func av1Of180(t testing.TB) *av1Config {
	t.Helper()
	c, err := parseAV1Config(av1Record(av1Head180))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAV1ConfigurationIsWhatFFmpegWrites compares records with those in ffmpeg's MP4 files.
func TestAV1ConfigurationIsWhatFFmpegWrites(t *testing.T) {
	for format, name := range map[string]string{
		"yuv420p": "av01.0.00M.08", "yuv420p10le": "av01.0.00M.10", "yuv444p": "av01.1.00M.08", "yuv422p12le": "av01.2.00M.12", "gray": "av01.0.00M.08", "gbrp": "av01.1.00M.08",
	} {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi",
			"-i", "testsrc2=size=362x202:rate=25", "-frames:v", "2", "-pix_fmt", format, "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime",
			"-movflags", "frag_keyframe+delay_moov", "-f", "mp4", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(out, []byte("av1C"))
		record := out[at+4 : at-4+int(uint24(out[at-3:]))]
		c, err := parseAV1Config(record)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		tr, err := c.track(media.FirstVideo, declared{})
		if err != nil || tr.Width != 362 || tr.Height != 202 || tr.RFC6381() != name {
			t.Errorf("%s: %+v, named %s, %v", format, tr, tr.RFC6381(), err)
		}
		if !bytes.Equal(c.record, record) {
			t.Errorf("%s:\n%x, ffmpeg's is\n%x", format, c.record, record)
		}
	}
}

// TestAV1HeaderIsReadThroughEverything has all the optional fields that stand before what we want.
func TestAV1HeaderIsReadThroughEverything(t *testing.T) {
	h, err := parseAV1Header(bitsOf(`
		010 0 0
		1 00000000000000000000001111101001 00000000000000001110101001100000 1 1
		1 00011 00000000000000000000000000000001 00000 00000
		1 00001
		000000000001 01001 1  1 0001 0010 1  1 1010
		000000000010 00001    0              0
		1010 1001 11101111111 1000011011
		1 0000 000
		101
		1101 1 11 1 0 1 110
		011
		1 1 0 0 0 1 1 10 0
		1 1`))
	if err != nil {
		t.Fatal(err)
	}
	want := av1Header{
		profile: 2, level: 9, tier: true, width: 1920, height: 540, rate: 60000. / 1001, depth: 12,
		subX: true, subY: true, position: 2,
	}
	if h != want {
		t.Errorf("%+v, want %+v", h, want)
	}
	still, err := parseAV1Header(bitsOf(`001 1 1 00101 0111 0111 01111111 00111111 101 011 0 0 0 0`))
	if err != nil || still != (av1Header{profile: 1, level: 5, still: true, width: 128, height: 64, depth: 8}) {
		t.Errorf("of a still picture: %+v, %v", still, err)
	}
}

// bitsOf packs bits that are written as text, with a one after them, as headers end.
func bitsOf(text string) []byte {
	text = strings.Join(strings.Fields(text), "") + "1"
	b := make([]byte, (len(text)+7)/8)
	for i, c := range text {
		if c == '1' {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

func TestAV1TemporalUnitsAreCleaned(t *testing.T) {
	unsized := append([]byte{0x30}, av1Inter[2:]...)
	for _, c := range []struct {
		name     string
		in, want []byte
		key      bool
	}{
		{"a key frame with its sequence header stays as it is", join(av1Head180, av1Key), join(av1Head180, av1Key), true},
		{"a key frame without gets it", join(av1Delim, av1Key), join(av1Head180, av1Key), true},
		{"delimiters and padding go", join(av1Delim, av1Meta, av1Pad, av1Inter, av1Pad), join(av1Meta, av1Inter), false},
		{"a hidden key frame is no place to start", join(av1Hidden, av1Again), join(av1Hidden, av1Again), false},
		{"an existing frame that is shown is none either", av1Again, av1Again, false},
		{"a key frame after another picture is none", join(av1Inter, av1Key), join(av1Inter, av1Key), false},
		{"layers stay", join(av1Head180, av1Layered), join(av1Head180, av1Layered), true},
		{"the last one gets a size", join(av1Delim, av1Meta, unsized), join(av1Meta, av1Inter), false},
		{"what holds no picture goes", join(av1Delim, av1Meta), nil, false},
		{"an empty unit goes", nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := av1Of180(t).accessUnit(bytes.Clone(c.in))
			if err != nil || !bytes.Equal(p.payload, c.want) || p.key != c.key || p.changed {
				t.Errorf("%+v, %v; want %x", p, err, c.want)
			}
		})
	}
}

func TestAV1SequenceHeadersChangeInTheStream(t *testing.T) {
	for name, c := range map[string]*av1Config{"known before": av1Of180(t), "unknown before": {}} {
		before := c.record
		p, err := c.accessUnit(join(av1Delim, av1Head720, av1Key))
		if err != nil || !p.changed || !p.key || !c.whole() {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
		if err := c.rebuild(); err != nil || bytes.Equal(before, c.record) {
			t.Fatal(err)
		}
		tr, err := c.track(media.FirstVideo, declared{frameRate: 30, video: 1000})
		if err != nil || tr.Width != 1280 || tr.Height != 720 || tr.RFC6381() != "av01.0.05M.10" || tr.FrameRate != 30 {
			t.Errorf("%s: %+v, %v", name, tr, err)
		}
		if again, err := parseAV1Config(c.record); err != nil || !again.same(c) {
			t.Errorf("%s: the record is read as another one: %v", name, err)
		}
		if p, err := c.accessUnit(join(av1Head720, av1Key)); err != nil || p.changed {
			t.Errorf("%s: said again: %+v, %v", name, p, err)
		}
	}
}

func TestBrokenAV1IsRefused(t *testing.T) {
	long := append([]byte{0x0A}, bytes.Repeat([]byte{0x80}, 9)...)
	for _, c := range []struct {
		name   string
		record []byte
		want   string
	}{
		{"nothing", nil, "cut short"},
		{"version 2", []byte{0x82, 0, 0, 0}, "unknown version"},
		{"an OBU of the forbidden bit", av1Record([]byte{0x8A, 0}), "broken header"},
		{"an OBU without its extension", av1Record([]byte{0x0E}), "broken header"},
		{"an OBU without its size", av1Record([]byte{0x0A}), "broken size"},
		{"an OBU with a size without end", av1Record(long), "broken size"},
		{"an OBU cut short", av1Record(av1Head180[:9]), "longer than its frame"},
		{"a sequence header cut short", av1Record([]byte{0x0A, 4, 0, 0, 0, 4}), "cannot be read"},
		{"a profile nobody knows", av1Record([]byte{0x0A, 11, 0xE0, 0, 0, 4, 0x3C, 0xFE, 0xCC, 0xFB, 0xF9, 0, 0x40}), "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseAV1Config(c.record)
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), c.want) || !strings.Contains(fault.Message(err), "AV1") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzAV1(f *testing.F) {
	f.Add(av1Record(av1Head180), join(av1Delim, av1Key))
	f.Add(av1Record(), join(av1Delim, av1Head720, av1Meta, av1Key, av1Pad))
	f.Add(av1Record(av1Head720), join(av1Hidden, av1Layered, []byte{0x30, 0x10}))
	f.Fuzz(func(t *testing.T, record, unit []byte) {
		c, err := parseAV1Config(record)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		p, err := c.accessUnit(bytes.Clone(unit))
		if err != nil || !c.whole() {
			return
		}
		if p.changed && c.rebuild() != nil {
			return
		}
		if tr, err := c.track(media.FirstVideo, declared{}); err == nil && tr.RFC6381() == "" {
			t.Fatalf("a track without a name: %+v", tr)
		}
		again, err := parseAV1Config(c.record)
		if err != nil || !bytes.Equal(again.record, c.record) {
			t.Fatalf("record %x: %v", c.record, err)
		}
		q, err := again.accessUnit(bytes.Clone(p.payload))
		if err != nil || !p.changed && (q.changed || q.key != p.key || !bytes.Equal(q.payload, p.payload)) {
			t.Fatalf("payload %x is not clean: %v", p.payload, err)
		}
	})
}
