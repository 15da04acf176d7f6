package hls

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/media/mediatest"
)

// decoded is what ffmpeg makes of a track of a file or playlist.
type decoded struct {
	Codec  string `json:"codec_name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Frames string `json:"nb_read_frames"`
}

// decode has ffmpeg decode all tracks of one kind, "v" or "a", and holds that it has nothing to complain of.
func decode(t *testing.T, input, kind string) []decoded {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-select_streams", kind,
		"-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "json", input)
	var complaint lines
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil || complaint != "" {
		t.Fatalf("ffprobe: %v\n%s", err, complaint)
	}
	var doc struct{ Streams []decoded }
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Streams
}

type lines string

func (l *lines) Write(b []byte) (int, error) {
	*l += lines(b)
	return len(b), nil
}

// arriving dates frames as if they were sent in real time, after a shift of all their times.
func arriving(frames []*media.Frame, shift time.Duration) []*media.Frame {
	for _, f := range frames {
		f.DTS += shift
		f.PTS += shift
		f.Arrived = testStart.Add(f.DTS)
	}
	return frames
}

func TestHEVCAndAV1ArePackaged(t *testing.T) {
	reordered := []string{
		"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
		"-x265-params", "log-level=error:keyint=30:min-keyint=30:open-gop=0:bframes=3:b-adapt=0",
	}
	for name, c := range map[string]struct {
		video, audio            []string
		codecs, picture, sounds string
	}{
		"HEVC and AAC":                  {mediatest.HEVC, mediatest.AAC, "hvc1.1.6.L60.90,mp4a.40.2", "hevc", "aac"},
		"HEVC of 10 bits with B-frames": {reordered, mediatest.AAC, "hvc1.2.4.L60.90,mp4a.40.2", "hevc", "aac"},
		"AV1 and Opus":                  {mediatest.AV1, mediatest.Opus, "av01.0.00M.08,opus", "av1", "opus"},
	} {
		t.Run(name, func(t *testing.T) {
			frames := arriving(mediatest.Encode(t, mediatest.Picture("320x180", "5"), mediatest.Tone("5"), c.video, c.audio), 0)
			w := newWatch(t)
			w.session(frames)
			if got := w.p.current.Load().variant.codecs; got != c.codecs {
				t.Errorf("codecs are %s, want %s", got, c.codecs)
			}
			w.p.End()
			srv := serve(t, w.p)
			if _, faults := hlscheck.Multivariant(string(get(t, srv.URL+"/channel.m3u8"))); len(faults) > 0 {
				t.Error(faults)
			}
			got := decode(t, srv.URL+"/channel.m3u8", "v")
			if len(got) != 1 || got[0] != (decoded{c.picture, 320, 180, "150"}) {
				t.Errorf("ffmpeg decodes %+v", got)
			}
			sounds := decode(t, srv.URL+"/channel.m3u8", "a")
			if len(sounds) != 1 || sounds[0].Codec != c.sounds || number(t, sounds[0].Frames) < 230 {
				t.Errorf("ffmpeg decodes %+v", sounds)
			}
		})
	}
}

// TestAnotherCodecInTheMiddle has an encoder that goes from H.264 to HEVC and on to AV1.
func TestAnotherCodecInTheMiddle(t *testing.T) {
	w := newWatch(t)
	w.begin()
	const length = 3 * time.Second
	for i, codec := range [][]string{mediatest.H264, mediatest.HEVC, mediatest.AV1} {
		w.feed(arriving(mediatest.Encode(t, mediatest.Picture("320x180", "3"), codec), time.Duration(i)*length))
	}
	w.s.finish()
	w.look()
	w.p.End()
	srv := serve(t, w.p)
	list, faults := hlscheck.Parse(string(get(t, srv.URL+"/"+PlaylistFile)))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	files := map[string][]byte{}
	var order []string
	for i, s := range list.Segments {
		begins := files[s.Map] == nil
		if begins {
			files[s.Map] = get(t, srv.URL+"/"+s.Map)
			order = append(order, s.Map)
		}
		if changed := i > 0 && s.CC != list.Segments[i-1].CC; changed != (begins && i > 0) {
			t.Errorf("segment %d: discontinuity %v, new initialization section %v", s.MSN, changed, begins)
		}
		files[s.Map] = append(files[s.Map], get(t, srv.URL+"/"+s.URI)...)
	}
	if len(order) != 3 {
		t.Fatalf("%d initialization sections", len(order))
	}
	for i, codec := range []string{"h264", "hevc", "av1"} {
		file := filepath.Join(t.TempDir(), "stretch.mp4")
		if err := os.WriteFile(file, files[order[i]], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, file, "v"); len(got) != 1 || got[0] != (decoded{codec, 320, 180, "90"}) {
			t.Errorf("stretch %d: ffmpeg decodes %+v", i, got)
		}
	}
}

func TestGoldenSampleEntries(t *testing.T) {
	for name, c := range map[string]struct {
		codec  media.Codec
		config string
	}{
		"init-hevc.txt": {media.HEVC, "010160000000900000000000" + "3cf000fcfdf8f800000f03" +
			"a000010018" + "40010c01ffff01600000030090000003000003003c959409" +
			"a100010029" + "42010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010" +
			"a200010006" + "4401c073c189"},
		"init-av1.txt": {media.AV1, "81000c00" + "0a0b000000043cfeccfbf90040"},
	} {
		config, err := hex.DecodeString(c.config)
		if err != nil {
			t.Fatal(err)
		}
		v, err := newVideoFormat(&media.Track{Kind: media.Video, Codec: c.codec, Config: config, Width: 320, Height: 180})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, boxes(t, appendInit(nil, v, nil)))
	}
	for codec, configs := range map[media.Codec][][]byte{
		media.HEVC: {nil, make([]byte, 23), {1}}, media.AV1: {nil, {0x82, 0, 0, 0}}, media.H264: {nil}, media.Opus: {make([]byte, 30)},
	} {
		for _, config := range configs {
			if _, err := newVideoFormat(&media.Track{Kind: media.Video, Codec: codec, Config: config}); err == nil {
				t.Errorf("%v with configuration %x is taken", codec, config)
			}
		}
	}
}
