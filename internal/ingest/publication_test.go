package ingest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// take feeds tags to a fresh publication and gives the frames that a reader from the start sees.
func take(t testing.TB, tags ...FLVTag) ([]*media.Frame, *publication, error) {
	p := &publication{stream: media.NewStream()}
	r := p.stream.NewReader(media.ReaderOptions{})
	defer r.Close()
	var err error
	for _, tag := range tags {
		switch tag.Kind {
		case FLVVideo:
			err = p.onVideo(bytes.Clone(tag.Data), tag.Timestamp, time.Unix(1, 0))
		case FLVAudio:
			err = p.onAudio(bytes.Clone(tag.Data), tag.Timestamp, time.Unix(1, 0))
		case FLVScript:
			values, _ := decodeAMF(tag.Data)
			p.onData(values)
		}
		if err != nil {
			break
		}
	}
	p.stream.Close()
	var frames []*media.Frame
	for {
		fs, end := r.Next(t.Context())
		if end != nil {
			if end != io.EOF {
				t.Fatal(end)
			}
			return frames, p, err
		}
		frames = append(frames, fs...)
	}
}

func vid(ts uint32, data []byte) FLVTag { return FLVTag{FLVVideo, ts, data} }

func aud8(ts uint32, data []byte) FLVTag { return FLVTag{FLVAudio, ts, data} }

func TestAccessUnitsAreCleaned(t *testing.T) {
	for _, c := range []struct {
		name   string
		config []byte
		frame  []byte
		want   []byte // nil: no frame
		key    bool
	}{
		{"a picture stays as it is", nil, nals(4, idr), nals(4, idr), true},
		{"SEI stays", nil, nals(4, sei, idr), nals(4, sei, idr), true},
		{"a delimiter at the front goes", nil, nals(4, aud, sei, idr), nals(4, sei, idr), true},
		{"fillers and empty units go wherever they are", nil, nals(4, nil, sei, filler, idr, nil, filler), nals(4, sei, idr), true},
		{"several slices stay", nil, nals(4, aud, slice, filler, slice), nals(4, slice, slice), false},
		{"known parameter sets go", nil, nals(4, sps180, pps, idr), nals(4, idr), true},
		{"a frame without a picture goes", nil, nals(4, aud, sei), nil, false},
		{"an empty frame goes", nil, nil, nil, false},
		{"lengths of two bytes become four", avcRecord(2, sps180, pps), nals(2, aud, idr, slice), nals(4, idr, slice), true},
		{"lengths of one byte become four", avcRecord(1, sps180, pps), nals(1, sei, idr), nals(4, sei, idr), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.config == nil {
				c.config = avcRecord(4, sps180, pps)
			}
			frames, p, err := take(t, vid(0, videoConfig(c.config)), vid(0, videoFrame(0, idr)[:5]),
				vid(40, append([]byte{0x17, 1, 0, 0, 0}, c.frame...)))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil || !c.key {
				if len(frames) != 0 {
					t.Fatalf("frames: %d", len(frames))
				}
				if c.want != nil && p.videos != 1 {
					t.Errorf("written: %d", p.videos)
				}
				return
			}
			if len(frames) != 1 || !frames[0].Key || !bytes.Equal(frames[0].Payload, c.want) {
				t.Fatalf("frames: %+v, want payload %x", frames, c.want)
			}
			if !bytes.Equal(frames[0].Track.Config, avcRecord(4, sps180, pps)) {
				t.Errorf("config: %x", frames[0].Track.Config)
			}
		})
	}
}

func TestTracksChangeOnlyWithTheirParameters(t *testing.T) {
	frames, _, err := take(t,
		vid(0, videoConfig(avcRecord(4, sps180, pps))), vid(0, videoFrame(0, idr)),
		vid(40, videoConfig(avcRecord(4, sps180, pps))), vid(40, videoFrame(0, idr)), // said again
		vid(80, videoConfig(avcRecord(4, sps360, pps))), vid(80, videoFrame(0, idr)), // another size
		vid(120, videoFrame(0, sps180, pps2, idr)), // in the stream itself
		vid(160, videoFrame(0, sps180, pps2, idr)))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, f := range frames {
		sizes = append(sizes, f.Track.Width)
	}
	if d := cmp.Diff([]int{320, 320, 640, 320, 320}, sizes); d != "" {
		t.Fatal(d)
	}
	if frames[0].Track != frames[1].Track || frames[3].Track != frames[4].Track {
		t.Error("a track changed without a reason")
	}
	if got := frames[3].Track; !bytes.Equal(got.Config, avcRecord(4, sps180, pps2)) || !bytes.Equal(got.PPS, pps2) {
		t.Errorf("config: %x", got.Config)
	}
	if !bytes.Equal(frames[0].Track.Config, avcRecord(4, sps180, pps)) {
		t.Error("an old track was changed")
	}
}

func TestMetadataDescribesTracksAndEncoder(t *testing.T) {
	meta := appendAMF(nil, "@setDataFrame", "onMetaData", amfObject{
		{"framerate", 29.97}, {"videodatarate", 6000.0}, {"audiodatarate", 160.0}, {"encoder", "obs-output module\x00\n (libobs)"},
	})
	frames, p, err := take(t, FLVTag{FLVScript, 0, meta}, vid(0, videoConfig(avcRecord(4, sps180, pps))), aud8(0, audioConfig(aacLC)),
		vid(0, videoFrame(0, idr)), aud8(0, audioFrame(1)))
	if err != nil {
		t.Fatal(err)
	}
	if e := p.stream.Info().Encoder; e != "obs-output module (libobs)" {
		t.Errorf("encoder: %q", e)
	}
	v, a := frames[0].Track, frames[1].Track
	if v.FrameRate != 29.97 || v.Bitrate != 6_000_000 || v.Width != 320 || v.Height != 180 {
		t.Errorf("video: %+v", v)
	}
	if a.Bitrate != 160_000 || a.SampleRate != 48000 || a.Channels != 2 {
		t.Errorf("audio: %+v", a)
	}
}

func TestCompositionOffsetsAreSigned(t *testing.T) {
	frames, _, err := take(t, vid(0, videoConfig(avcRecord(4, sps180, pps))), vid(100, videoFrame(80, idr)), vid(140, videoFrame(-40, slice)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{80 * time.Millisecond, -40 * time.Millisecond} {
		if got := frames[i].PTS - frames[i].DTS; got != want {
			t.Errorf("frame %d: offset %v, want %v", i, got, want)
		}
	}
}

func TestCompositionOffsetsHaveABound(t *testing.T) {
	const most = int(maxShown / time.Millisecond)
	for offset, ok := range map[int]bool{most: true, -most: true, most + 1: false, -most - 1: false} {
		frames, _, err := take(t, vid(0, videoConfig(avcRecord(4, sps180, pps))), vid(20_000, videoFrame(0, idr)), vid(20_040, videoFrame(offset, slice)))
		want := 1
		if ok {
			want = 2
		}
		if (err == nil) != ok || len(frames) != want {
			t.Errorf("an offset of %d ms: %d frames, %v", offset, len(frames), err)
		}
	}
}

func TestBadMediaIsRefusedByName(t *testing.T) {
	good := vid(0, videoConfig(avcRecord(4, sps180, pps)))
	for _, c := range []struct {
		name string
		tags []FLVTag
		want string
	}{
		{"VP9 by Enhanced RTMP", []FLVTag{vid(0, []byte("\x91vp09\x00"))}, "VP9, use H.264, HEVC or AV1"},
		{"HEVC that is called hev1", []FLVTag{vid(0, []byte("\x90hev1\x00"))}, "HEVC as hev1, use"},
		{"VP8 in one of many tracks", []FLVTag{vid(0, []byte("\x96\x21vp08\x01\x00\x00\x00"))}, "VP8"},
		{"sound in a video tag", []FLVTag{vid(0, []byte("\x90Opus\x00"))}, "sends Opus, use H.264"},
		{"a FourCC nobody knows", []FLVTag{vid(0, []byte("\x90secr"))}, "an unknown codec"},
		{"HEVC the old way", []FLVTag{vid(0, []byte{0x1C, 0, 0, 0, 0})}, "HEVC without Enhanced RTMP"},
		{"Sorenson", []FLVTag{vid(0, []byte{0x12, 0})}, "Sorenson"},
		{"video of codec 15", []FLVTag{vid(0, []byte{0x1F, 0})}, "codec 15"},
		{"MP3", []FLVTag{aud8(0, []byte{0x2F, 0})}, "MP3, use AAC or Opus"},
		{"Speex", []FLVTag{aud8(0, []byte{0xB2, 0})}, "Speex, use AAC"},
		{"FLAC by Enhanced RTMP", []FLVTag{aud8(0, []byte("\x90fLaC"))}, "FLAC, use AAC or Opus"},
		{"a picture in an audio tag", []FLVTag{aud8(0, []byte("\x91hvc1"))}, "sends HEVC, use AAC"},
		{"a video tag cut short", []FLVTag{vid(0, []byte{0x17, 1, 0})}, "cut short"},
		{"an audio tag cut short", []FLVTag{aud8(0, []byte{0xAF})}, "cut short"},
		{"an empty configuration", []FLVTag{vid(0, videoConfig(nil))}, "cut short"},
		{"a configuration cut short", []FLVTag{vid(0, videoConfig(avcRecord(4, sps180, pps)[:20]))}, "cut short"},
		{"a configuration without parameter sets", []FLVTag{vid(0, videoConfig([]byte{1, 66, 0, 30, 0xFF, 0xE0, 0}))}, "no parameter sets"},
		{"lengths of three bytes", []FLVTag{vid(0, videoConfig(avcRecord(3, sps180, pps)))}, "3 bytes"},
		{"parameter sets exchanged", []FLVTag{vid(0, videoConfig(avcRecord(4, append([]byte{0x68}, sps180[1:]...), pps)))}, "wrong kind"},
		{"an SPS of nonsense", []FLVTag{vid(0, videoConfig(avcRecord(4, []byte{0x67, 66, 0, 30, 0xFF}, pps)))}, "parameter set"},
		{"a NAL unit beyond its frame", []FLVTag{good, vid(0, []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65})}, "longer than its frame"},
		{"a NAL unit of 4 GiB", []FLVTag{good, vid(0, []byte{0x17, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x65})}, "longer than its frame"},
		{"a NAL length cut short", []FLVTag{good, vid(0, []byte{0x17, 1, 0, 0, 0, 0, 0})}, "cut short"},
		{"a picture for an hour later", []FLVTag{good, vid(0, videoFrame(0, idr)), vid(40, videoFrame(3_600_000, slice))}, "composition time"},
		{"a picture for an hour before", []FLVTag{good, vid(0, videoFrame(0, idr)), vid(40, videoFrame(-3_600_000, slice))}, "composition time"},
		{"an AAC configuration of nonsense", []FLVTag{aud8(0, audioConfig([]byte{0xFF, 0xFF}))}, "cannot be read"},
		{"AAC with channels nobody knows", []FLVTag{aud8(0, audioConfig([]byte{0x11, 0x80}))}, "channel layout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := take(t, c.tags...)
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestHarmlessOdditiesPass(t *testing.T) {
	frames, p, err := take(t,
		vid(0, nil), aud8(0, nil), // empty messages
		vid(0, []byte{0x57, 0}),                            // a command frame
		vid(0, videoFrame(0, idr)), aud8(0, audioFrame(1)), // before any configuration
		aud8(0, audioConfig(nil)),
		vid(0, videoConfig(avcRecord(4, sps180, pps))), aud8(0, audioConfig(aacLC)),
		vid(0, videoFrame(0, idr)), aud8(5, audioFrame()), aud8(5, audioFrame(7)),
		vid(40, []byte{0x17, 2, 0, 0, 0}), // end of sequence
		FLVTag{FLVScript, 0, []byte("\x02\x00\x05onCue")}, FLVTag{FLVScript, 0, []byte{0xFF}})
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != 2 || p.early != 3 {
		t.Errorf("frames: %d, early: %d", len(frames), p.early)
	}
}

func TestPayloadsAreNotCopied(t *testing.T) {
	p := &publication{stream: media.NewStream()}
	if err := p.onVideo(videoConfig(avcRecord(4, sps180, pps)), 0, time.Time{}); err != nil {
		t.Fatal(err)
	}
	r := p.stream.NewReader(media.ReaderOptions{})
	defer r.Close()
	tag := videoFrame(0, aud, idr)
	if err := p.onVideo(tag, 0, time.Time{}); err != nil {
		t.Fatal(err)
	}
	fs, err := r.Next(t.Context())
	if err != nil || &fs[0].Payload[0] != &tag[5+6] {
		t.Errorf("the payload moved: %v", err)
	}
}
