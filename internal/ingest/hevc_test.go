package ingest

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Parameter sets of x265: 1280x720 at 30 frames/s, 320x180 (coded as 320x184) at 29.97, and 1920x1080 of
// 10 bits at 60.
var (
	hevcVPS720  = unhex("40010c01ffff01600000030090000003000003005d959409")
	hevcSPS720  = unhex("42010101600000030090000003000003005da00280802d16595952930bc05a020000030002000003003c10")
	hevcSPS180  = unhex("42010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010")
	hevcSPS1080 = unhex("420101222000000300900000030000030099a003c0801107cad965654a4c2f016808000003000800000301e040")
	hevcPPSx265 = unhex("4401c073c189")
	hevcPPSMore = unhex("4401c073c18900")
)

var (
	hevcIDR    = []byte{0x28, 1, 0xAF, 1}
	hevcCRA    = []byte{0x2A, 1, 0xAF, 2}
	hevcTrail  = []byte{0x02, 1, 0xD0, 3}
	hevcSEI    = []byte{0x4E, 1, 5, 1, 0x80}
	hevcDelim  = []byte{0x46, 1, 0x50}
	hevcFill   = []byte{0x4C, 1, 0xFF, 0x80}
	hevcLayer1 = []byte{0x02, 9, 0xD0, 3} // nuh_layer_id 1
)

// hevcRecord writes a configuration as some encoders do: fields that repeat the SPS are wrong or zero.
func hevcRecord(size int, sets ...[]byte) []byte {
	b := append([]byte{1}, make([]byte, 20)...)
	b = append(b, 0xF0|byte(size-1), byte(len(sets)))
	for _, set := range sets {
		b = append(b, hevcKind(set), 0, 1, byte(len(set)>>8), byte(len(set)))
		b = append(b, set...)
	}
	return b
}

func hevc720(t testing.TB, size int) *hevcConfig {
	t.Helper()
	c, err := parseHEVCConfig(hevcRecord(size, hevcVPS720, hevcSPS720, hevcPPSx265))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHEVCTracksTellSizeRateAndProfile(t *testing.T) {
	for _, c := range []struct {
		sps           []byte
		width, height int
		rate          float64
		name          string
	}{
		{hevcSPS720, 1280, 720, 30, "hvc1.1.6.L93.90"},
		{hevcSPS180, 320, 180, 30000. / 1001, "hvc1.1.6.L60.90"},
		{hevcSPS1080, 1920, 1080, 60, "hvc1.2.4.H153.90"},
	} {
		config, err := parseHEVCConfig(hevcRecord(4, hevcVPS720, c.sps, hevcPPSx265))
		if err != nil {
			t.Fatal(err)
		}
		tr, err := config.track(media.FirstVideo, declared{video: 5_000_000})
		if err != nil {
			t.Fatal(err)
		}
		if tr.Width != c.width || tr.Height != c.height || tr.FrameRate != c.rate || tr.RFC6381() != c.name ||
			tr.Codec != media.HEVC || tr.Bitrate != 5_000_000 {
			t.Errorf("%s: %+v, named %s", c.name, tr, tr.RFC6381())
		}
	}
}

// TestHEVCConfigurationIsWhatFFmpegWrites compares records with those in ffmpeg's MP4 files.
func TestHEVCConfigurationIsWhatFFmpegWrites(t *testing.T) {
	for _, format := range []string{"yuv420p", "yuv422p10le", "yuv444p"} {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi",
			"-i", "testsrc2=size=362x202:rate=25", "-frames:v", "2", "-pix_fmt", format, "-c:v", "libx265", "-preset", "ultrafast",
			"-x265-params", "log-level=error:vbv-maxrate=9000:vbv-bufsize=9000:level-idc=5.1:high-tier=1",
			"-tag:v", "hvc1", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(out, []byte("hvcC"))
		if at < 0 {
			t.Fatal("ffmpeg wrote no configuration")
		}
		record := out[at+4 : at-4+int(uint24(out[at-3:]))]
		c, err := parseHEVCConfig(record)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := c.track(media.FirstVideo, declared{})
		if err != nil || tr.Width != 362 || tr.Height != 202 || tr.FrameRate != 25 {
			t.Errorf("%s: %+v, %v", format, tr, err)
		}
		// ffmpeg knows of segments that allow parallel decoding, which is bytes 13 to 15 and says nothing
		// that a decoder needs, and keeps SEI in the configuration, at its end.
		got, want := bytes.Clone(c.record), bytes.Clone(record)
		copy(want[13:16], got[13:16])
		want[22] = 3
		if !bytes.HasPrefix(want, got) {
			t.Errorf("%s:\n%x, ffmpeg's is\n%x", format, got, want)
		}
	}
}

func TestHEVCAccessUnitsAreCleaned(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     int
		in, want []byte
		key      bool
	}{
		{"an IDR picture stays as it is", 4, nals(4, hevcIDR), nals(4, hevcIDR), true},
		{"a CRA picture is a key frame", 4, nals(4, hevcSEI, hevcCRA), nals(4, hevcSEI, hevcCRA), true},
		{"a trailing picture is none", 4, nals(4, hevcTrail, hevcTrail), nals(4, hevcTrail, hevcTrail), false},
		{"delimiters, fillers and empty units go", 4, nals(4, hevcDelim, nil, hevcTrail, hevcFill, hevcTrail, []byte{2}), nals(4, hevcTrail, hevcTrail), false},
		{"layers above the base go", 4, nals(4, hevcTrail, hevcLayer1), nals(4, hevcTrail), false},
		{"known parameter sets go", 4, nals(4, hevcVPS720, hevcSPS720, hevcPPSx265, hevcIDR), nals(4, hevcIDR), true},
		{"what holds no picture goes", 4, nals(4, hevcDelim, hevcSEI), nil, false},
		{"lengths of two bytes become four", 2, nals(2, hevcSEI, hevcIDR), nals(4, hevcSEI, hevcIDR), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := hevc720(t, c.size).accessUnit(c.in)
			if err != nil || !bytes.Equal(p.payload, c.want) || p.key != c.key || p.changed {
				t.Errorf("%+v, %v; want %x", p, err, c.want)
			}
		})
	}
}

func TestHEVCParameterSetsChangeInTheStream(t *testing.T) {
	c := hevc720(t, 4)
	before := bytes.Clone(c.record)
	p, err := c.accessUnit(nals(4, hevcSPS180, hevcPPSMore, hevcIDR))
	if err != nil || !p.changed || !p.key || !bytes.Equal(p.payload, nals(4, hevcIDR)) {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := c.rebuild(); err != nil {
		t.Fatal(err)
	}
	if len(c.vps) != 1 || len(c.sps) != 1 || len(c.pps) != 1 || bytes.Equal(before, c.record) {
		t.Errorf("the new sets did not take the place of the old ones: %x", c.record)
	}
	if tr, err := c.track(media.FirstVideo, declared{}); err != nil || tr.Height != 180 || !bytes.Equal(tr.Config, c.record) {
		t.Errorf("%+v, %v", tr, err)
	}
	if again, err := parseHEVCConfig(c.record); err != nil || !again.same(c) {
		t.Errorf("the record is read as another one: %v", err)
	}
	if p, err := c.accessUnit(nals(4, hevcVPS720, hevcSPS180, hevcPPSMore, hevcIDR)); err != nil || p.changed {
		t.Errorf("said again: %+v, %v", p, err)
	}
}

// TestParameterSetsOfTheStreamSuffice is how a stream without a configuration of its own begins.
func TestParameterSetsOfTheStreamSuffice(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     videoDecoder
		parts [][][]byte
		want  string
	}{
		{"HEVC", &hevcConfig{lengthSize: 4}, [][][]byte{{hevcTrail}, {hevcVPS720, hevcSPS720}, {hevcPPSx265, hevcIDR}}, "hvc1.1.6.L93.90"},
		{"H.264", &avcConfig{lengthSize: 4}, [][][]byte{{slice}, {sps180}, {pps, idr}}, "avc1.42C00D"},
	} {
		for i, units := range c.parts {
			if c.d.whole() {
				t.Fatalf("%s: whole after %d parts", c.name, i)
			}
			if p, err := c.d.accessUnit(nals(4, units...)); err != nil || p.changed != (i > 0) {
				t.Fatalf("%s: %+v, %v", c.name, p, err)
			}
		}
		if !c.d.whole() {
			t.Fatalf("%s: not whole", c.name)
		}
		if err := c.d.rebuild(); err != nil {
			t.Fatal(err)
		}
		if tr, err := c.d.track(media.FirstVideo, declared{}); err != nil || tr.RFC6381() != c.want {
			t.Errorf("%s: %+v, %v", c.name, tr, err)
		}
	}
}

func TestBrokenHEVCIsRefused(t *testing.T) {
	good := hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265)
	for _, c := range []struct {
		name   string
		record []byte
		want   string
	}{
		{"nothing", nil, "cut short"},
		{"version 0", append([]byte{0}, good[1:]...), "unknown version"},
		{"lengths of three bytes", hevcRecord(3, hevcVPS720), "3 bytes"},
		{"an array cut short", good[:24], "cut short"},
		{"a set cut short", good[:40], "cut short"},
		{"a set of another kind", bytes.Replace(good, []byte{33, 0, 1}, []byte{34, 0, 1}, 1), "wrong kind"},
		{"too many sets", bytes.Replace(good, []byte{33, 0, 1}, []byte{33, 1, 1}, 1), "too many"},
		{"an SPS cut short", hevcRecord(4, hevcVPS720, hevcSPS720[:16], hevcPPSx265), "cannot be read"},
		{"an SPS of nonsense", hevcRecord(4, hevcVPS720, append([]byte{0x42, 1}, bytes.Repeat([]byte{0xFF}, 40)...), hevcPPSx265), "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseHEVCConfig(c.record)
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), c.want) || !strings.Contains(fault.Message(err), "HEVC") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for _, b := range [][]byte{{0, 0}, {0, 0, 0, 9, 2, 1}, {0xFF, 0xFF, 0xFF, 0xFF, 2, 1}} {
		if _, err := hevc720(t, 4).accessUnit(b); fault.Of(err) != fault.Invalid {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func TestCleaningAllocatesNothing(t *testing.T) {
	avc, err := parseAVCConfig(avcRecord(4, sps180, pps))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		d  videoDecoder
		in []byte
	}{
		"H.264": {avc, nals(4, aud, sps180, pps, sei, idr, filler, idr)},
		"HEVC":  {hevc720(t, 4), nals(4, hevcDelim, hevcVPS720, hevcSPS720, hevcPPSx265, hevcSEI, hevcIDR, hevcFill, hevcIDR)},
	} {
		b := make([]byte, len(c.in))
		if n := testing.AllocsPerRun(100, func() {
			if p, err := c.d.accessUnit(b[:copy(b, c.in)]); err != nil || p.payload == nil {
				t.Fatal(p, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzHEVC(f *testing.F) {
	f.Add(hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265), nals(4, hevcDelim, hevcSEI, hevcIDR))
	f.Add(hevcRecord(2, hevcVPS720, hevcSPS1080, hevcPPSx265), nals(2, hevcVPS720, hevcSPS180, hevcPPSMore, hevcCRA))
	f.Add(hevcRecord(4), nals(4, hevcVPS720, hevcSPS1080, hevcPPSx265, hevcTrail, hevcLayer1))
	f.Fuzz(func(t *testing.T, record, unit []byte) {
		c, err := parseHEVCConfig(record)
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
		again, err := parseHEVCConfig(c.record)
		if err != nil || !bytes.Equal(again.record, c.record) {
			t.Fatalf("record %x: %v", c.record, err)
		}
		if q, err := again.accessUnit(bytes.Clone(p.payload)); err != nil || q.changed || q.key != p.key || !bytes.Equal(q.payload, p.payload) {
			t.Fatalf("payload %x is not clean: %v", p.payload, err)
		}
	})
}
