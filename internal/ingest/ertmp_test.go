package ingest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

var opusHead = []byte("OpusHead\x01\x02\x38\x01\x80\xBB\x00\x00\x00\x00\x00")

// exVideo writes an enhanced video tag of a key frame, exAudio an audio tag.
func exVideo(packet byte, fourCC string, data ...[]byte) []byte {
	return join([]byte{0x90 | packet}, []byte(fourCC), join(data...))
}

func exAudio(packet byte, fourCC string, data ...[]byte) []byte {
	return exVideo(packet, fourCC, data...)
}

type exTrack struct {
	number byte
	fourCC string
	data   []byte
}

// exTracks writes a multitrack video tag of key frames.
func exTracks(kind, packet byte, tracks ...exTrack) []byte {
	b := []byte{0x90 | exVideoMultitrack, kind<<4 | packet}
	if kind != exManyTracksManyCodecs {
		b = append(b, tracks[0].fourCC...)
	}
	for _, t := range tracks {
		if kind == exManyTracksManyCodecs {
			b = append(b, t.fourCC...)
		}
		b = append(b, t.number)
		if kind != exOneTrack {
			b = appendUint24(b, uint32(len(t.data)))
		}
		b = append(b, t.data...)
	}
	return b
}

// modified puts ModEx data before what an enhanced tag says.
func modified(tag []byte, kind byte, data []byte) []byte {
	b := []byte{tag[0]&0xF0 | exModEx}
	if len(data) < 256 {
		b = append(b, byte(len(data)-1))
	} else {
		b = append(b, 0xFF, byte((len(data)-1)>>8), byte(len(data)-1))
	}
	return append(append(append(b, data...), kind<<4|tag[0]&0x0F), tag[1:]...)
}

func TestEnhancedTagsAreRead(t *testing.T) {
	hevc := hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265)
	avc, av1 := avcRecord(4, sps180, pps), av1Record(av1Head180)
	start := exVideo(exSequenceStart, "hvc1", hevc)
	type frame struct {
		id     int
		codec  media.Codec
		offset time.Duration // of presentation
		fine   time.Duration // of decoding, after whole milliseconds
	}
	for _, c := range []struct {
		name string
		tags []FLVTag
		want []frame
	}{
		{
			"HEVC with an offset",
			[]FLVTag{vid(0, start), vid(0, exVideo(exCodedFrames, "hvc1", []byte{0, 0, 80}, nals(4, hevcIDR))), vid(0, exVideo(exSequenceEnd, "hvc1"))},
			[]frame{{1, media.HEVC, 80 * time.Millisecond, 0}},
		},
		{
			"HEVC without",
			[]FLVTag{vid(0, start), vid(0, exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR)))},
			[]frame{{1, media.HEVC, 0, 0}},
		},
		{
			"HEVC whose parameter sets come with the pictures",
			[]FLVTag{
				vid(0, exVideo(exSequenceStart, "hvc1", hevcRecord(4))), vid(0, exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR))),
				vid(40, exVideo(exCodedFramesX, "hvc1", nals(4, hevcVPS720, hevcSPS720, hevcPPSx265, hevcIDR))),
			},
			[]frame{{1, media.HEVC, 0, 0}},
		},
		{
			"AV1, whose frames have no offset",
			[]FLVTag{vid(0, exVideo(exSequenceStart, "av01", av1)), vid(0, exVideo(exCodedFrames, "av01", av1Key))},
			[]frame{{1, media.AV1, 0, 0}},
		},
		{
			"AV1 with a descriptor of MPEG-TS",
			[]FLVTag{
				vid(0, exVideo(exSequenceStartTS, "av01", []byte{0x80, 4, 0x81, 0, 0x0C, 0})), vid(0, exVideo(exCodedFrames, "av01", av1Key)),
				vid(40, exVideo(exCodedFrames, "av01", av1Head180, av1Key)),
			},
			[]frame{{1, media.AV1, 0, 0}},
		},
		{
			"H.264 by FourCC",
			[]FLVTag{vid(0, exVideo(exSequenceStart, "avc1", avc)), vid(0, exVideo(exCodedFrames, "avc1", []byte{0xFF, 0xFF, 0xD8}, nals(4, idr)))},
			[]frame{{1, media.H264, -40 * time.Millisecond, 0}},
		},
		{
			"Opus, AAC by FourCC, and no other track of sound",
			[]FLVTag{
				vid(0, start), vid(0, exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR))),
				aud8(0, exAudio(exMultichannelConfig, "Opus", []byte{1, 2, 0, 0, 0, 3})), aud8(0, exAudio(exSequenceStart, "Opus", opusHead)), aud8(0, exAudio(exCodedFrames, "Opus", []byte{0xF8, 0xFF, 0xFE})),
				aud8(20, []byte("\x95\x01fLaC\x01\x00\x00")), aud8(20, []byte("\x95\x10mp4a\x01\x00\x00\x02\x11\x90")),
				aud8(40, exAudio(exSequenceStart, "mp4a", aacLC)), aud8(40, exAudio(exCodedFrames, "mp4a", []byte{1})), aud8(50, exAudio(exSequenceEnd, "mp4a")),
			},
			[]frame{{1, media.HEVC, 0, 0}, {32, media.Opus, 0, 0}, {32, media.AAC, 0, 0}},
		},
		{
			"colours, and commands, which say nothing",
			[]FLVTag{
				vid(0, start), vid(0, exVideo(exMetadata, "hvc1", appendAMF(nil, "colorInfo", amfObject{{"colorConfig", amfObject{{"bitDepth", 10.0}}}}))),
				vid(0, []byte{0xD1, 0}), vid(0, exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR))),
			},
			[]frame{{1, media.HEVC, 0, 0}},
		},
		{
			"fine timestamps, and modifiers nobody knows",
			[]FLVTag{
				vid(0, modified(start, 5, make([]byte, 300))),
				vid(0, modified(modified(exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR)), exNanoOffset, []byte{0x07, 0xA1, 0x20, 1}), 3, []byte{1})),
				vid(0, modified(exVideo(exCodedFramesX, "hvc1", nals(4, hevcTrail)), exNanoOffset, []byte{0xFF, 0xFF, 0xFF})),
			},
			[]frame{{1, media.HEVC, 0, 500 * time.Microsecond}, {1, media.HEVC, 0, 999_999}},
		},
		{
			"one track in each packet",
			[]FLVTag{
				vid(0, exTracks(exOneTrack, exSequenceStart, exTrack{0, "hvc1", hevc})), vid(0, exTracks(exOneTrack, exSequenceStart, exTrack{1, "av01", av1})),
				vid(0, exTracks(exOneTrack, exCodedFramesX, exTrack{0, "hvc1", nals(4, hevcIDR)})), vid(0, exTracks(exOneTrack, exCodedFrames, exTrack{1, "av01", av1Key})),
			},
			[]frame{{1, media.HEVC, 0, 0}, {2, media.AV1, 0, 0}},
		},
		{
			"many tracks in a packet, the largest first",
			[]FLVTag{
				vid(0, videoConfig(avc)),
				vid(0, exTracks(exManyTracks, exSequenceStart, exTrack{1, "hvc1", hevcRecord(4, hevcVPS720, hevcSPS180, hevcPPSx265)}, exTrack{5, "hvc1", hevc})),
				vid(0, exTracks(exManyTracks, exCodedFrames, exTrack{1, "hvc1", join([]byte{0, 0, 9}, nals(4, hevcIDR))}, exTrack{5, "hvc1", join([]byte{0, 0, 7}, nals(4, hevcIDR))})),
				vid(0, videoFrame(0, idr)),
			},
			[]frame{{3, media.HEVC, 9 * time.Millisecond, 0}, {2, media.HEVC, 7 * time.Millisecond, 0}, {1, media.H264, 0, 0}},
		},
		{
			"many codecs in a packet, and tracks that come later",
			[]FLVTag{
				vid(0, exTracks(exManyTracksManyCodecs, exSequenceStart, exTrack{0, "hvc1", hevc}, exTrack{1, "avc1", avc})),
				vid(0, exTracks(exManyTracksManyCodecs, exCodedFramesX, exTrack{1, "avc1", nals(4, idr)}, exTrack{7, "av01", av1Key}, exTrack{0, "hvc1", nals(4, hevcIDR)})),
				vid(40, exTracks(exOneTrack, exSequenceStart, exTrack{7, "av01", av1Record(av1Head720)})),
				vid(40, exTracks(exOneTrack, exCodedFrames, exTrack{7, "av01", join(av1Head720, av1Key)})),
			},
			[]frame{{2, media.H264, 0, 0}, {1, media.HEVC, 0, 0}, {3, media.AV1, 0, 0}},
		},
		{
			"another codec in the middle",
			[]FLVTag{
				vid(0, videoConfig(avc)), vid(0, videoFrame(0, idr)), vid(40, start), vid(40, videoFrame(0, idr)),
				vid(80, exVideo(exCodedFramesX, "hvc1", nals(4, hevcIDR))),
			},
			[]frame{{1, media.H264, 0, 0}, {1, media.HEVC, 0, 0}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			frames, _, err := take(t, c.tags...)
			if err != nil {
				t.Fatal(err)
			}
			checkTimeline(t, frames)
			var got []frame
			for _, f := range frames {
				got = append(got, frame{f.Track.ID, f.Track.Codec, f.PTS - f.DTS, f.DTS % time.Millisecond})
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("frame %d: got %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestBrokenEnhancedTagsAreRefused(t *testing.T) {
	hevc := hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265)
	start := exVideo(exSequenceStart, "hvc1", hevc)
	endless := exVideo(exCodedFramesX, "hvc1")
	for range maxModEx + 1 {
		endless = modified(endless, 1, []byte{0})
	}
	crowd := []FLVTag{}
	for n := range byte(maxVideoTracks + 1) {
		crowd = append(crowd, vid(0, exTracks(exOneTrack, exSequenceStart, exTrack{n, "hvc1", hevc})))
	}
	for _, c := range []struct {
		name string
		tags []FLVTag
		want string
	}{
		{"no FourCC", []FLVTag{vid(0, []byte("\x90hvc"))}, "cut short"},
		{"no offset", []FLVTag{vid(0, start), vid(0, []byte("\x91hvc1\x00\x00"))}, "cut short"},
		{"an empty configuration", []FLVTag{vid(0, []byte("\x90hvc1"))}, "broken HEVC video"},
		{"an empty configuration of AV1", []FLVTag{vid(0, []byte("\x90av01"))}, "broken AV1 video"},
		{"a packet type nobody knows", []FLVTag{vid(0, start), vid(0, exVideo(9, "hvc1"))}, "packet type"},
		{"a descriptor of MPEG-TS cut short", []FLVTag{vid(0, exVideo(exSequenceStartTS, "av01", []byte{0x80, 4, 0x81}))}, "descriptor"},
		{"a descriptor of another codec", []FLVTag{vid(0, exVideo(exSequenceStartTS, "hvc1", make([]byte, 6)))}, "descriptor"},
		{"an audio packet type nobody knows", []FLVTag{aud8(0, exAudio(3, "Opus"))}, "packet type"},
		{"no kind of multitrack", []FLVTag{vid(0, []byte("\x96"))}, "cut short"},
		{"a kind of multitrack nobody knows", []FLVTag{vid(0, []byte("\x96\x30hvc1"))}, "kind of multitrack"},
		{"multitrack in multitrack", []FLVTag{vid(0, []byte("\x96\x06hvc1"))}, "cannot have"},
		{"multitrack sound in multitrack", []FLVTag{aud8(0, []byte("\x95\x05mp4a"))}, "cannot have"},
		{"no track", []FLVTag{vid(0, []byte("\x96\x00hvc1"))}, "cut short"},
		{"no codec of a track", []FLVTag{vid(0, []byte("\x96\x20hv"))}, "cut short"},
		{"no size of a track", []FLVTag{vid(0, []byte("\x96\x10hvc1\x00\x00\x00"))}, "cut short"},
		{"a track beyond its tag", []FLVTag{vid(0, []byte("\x96\x10hvc1\x00\xFF\xFF\xFF\x00"))}, "longer than"},
		{"too many tracks", crowd, "more than 8"},
		{"modifiers without end", []FLVTag{vid(0, endless)}, "too many modifiers"},
		{"a modifier cut short", []FLVTag{vid(0, []byte("\x97\x02\x00\x00\x00"))}, "cut short"},
		{"a long modifier cut short", []FLVTag{vid(0, []byte("\x97\xFF\x00"))}, "cut short"},
		{"Opus without its head", []FLVTag{aud8(0, exAudio(exSequenceStart, "Opus", []byte("OpusHeat\x01\x02\x38\x01\x80\xBB\x00\x00\x00\x00\x00")))}, "cannot be read"},
		{"Opus of six channels", []FLVTag{aud8(0, exAudio(exSequenceStart, "Opus", []byte("OpusHead\x01\x06\x38\x01\x80\xBB\x00\x00\x00\x00\x01")))}, "mono or stereo"},
		{"Opus of six channels, the other way", []FLVTag{aud8(0, exAudio(exMultichannelConfig, "Opus", []byte{1, 6}))}, "mono or stereo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := take(t, c.tags...)
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestMetadataTellsOfTracksBeforeTheyCome(t *testing.T) {
	meta := appendAMF(nil, "onMetaData", amfObject{
		{"encoder", "OBS"},
		{"framerate", 60.0},
		{"videodatarate", 6000.0},
		{"videoTrackIdInfoMap", amfObject{
			{"1", amfObject{{"videodatarate", 3000.0}, {"framerate", 30.0}}}, {"2", amfObject{{"videodatarate", 800.0}}}, {"x", amfObject{}}, {"300", amfObject{}},
		}},
	})
	_, p, err := take(t, FLVTag{FLVScript, 0, meta})
	if i := p.stream.Info(); err != nil || i.Videos != 3 || i.Encoder != "OBS" {
		t.Fatalf("%+v, %v", i, err)
	}
	avc := avcRecord(4, sps180, pps)
	frames, p, err := take(t, FLVTag{FLVScript, 0, meta}, vid(0, videoConfig(avc)),
		vid(0, exTracks(exManyTracks, exSequenceStart, exTrack{2, "avc1", avc}, exTrack{1, "avc1", avcRecord(4, sps360, pps)})),
		vid(0, videoFrame(0, idr)), vid(0, exTracks(exManyTracks, exCodedFramesX, exTrack{2, "avc1", nals(4, idr)}, exTrack{1, "avc1", nals(4, idr)})))
	if err != nil || len(frames) != 3 || p.stream.Info().Videos != 3 {
		t.Fatalf("%d frames, %+v, %v", len(frames), p.stream.Info(), err)
	}
	for i, want := range []struct {
		id   int
		rate float64
		bits media.Bitrate
	}{{1, 60, 6_000_000}, {3, 60, 800_000}, {2, 30, 3_000_000}} {
		if tr := frames[i].Track; tr.ID != want.id || tr.FrameRate != want.rate || tr.Bitrate != want.bits {
			t.Errorf("%+v, want %v", tr, want)
		}
	}
}

func TestConnectAnswersWithWhatIsTaken(t *testing.T) {
	s := startServer(t, nil)
	p := dialRaw(t, s)
	if _, err := p.Write(join(hello(), command("connect", 1.0, amfObject{{"app", "app"}}))); err != nil {
		t.Fatal(err)
	}
	src := newSource(p, time.Now)
	src.until(patience)
	if err := src.full(make([]byte, 1+2*handshakeSize)); err != nil {
		t.Fatal(err)
	}
	for r := newChunkReader(src); ; {
		m, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if m.kind != msgCommandAMF0 {
			continue
		}
		v, err := decodeAMF(m.payload)
		if err != nil || len(v) < 4 || v[0] != "_result" {
			t.Fatalf("%v, %v", v, err)
		}
		told := v[2].(amfObject)
		if n := len(told.get("fourCcList").([]any)); n != 5 || told.number("capsEx") != 14 {
			t.Errorf("told: %v", told)
		}
		for _, m := range []struct{ name, codec string }{{"videoFourCcInfoMap", "hvc1"}, {"videoFourCcInfoMap", "av01"}, {"videoFourCcInfoMap", "avc1"}, {"audioFourCcInfoMap", "Opus"}, {"audioFourCcInfoMap", "mp4a"}} {
			if codecs, _ := told.get(m.name).(amfObject); codecs.number(m.codec) != exCanForward {
				t.Errorf("%s: %v", m.name, codecs)
			}
		}
		return
	}
}

func TestEnhancedFramesAllocateOnlyTheirSlabs(t *testing.T) {
	p := &publication{stream: media.NewStream()}
	hevc := hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265)
	for _, tag := range [][]byte{
		exTracks(exManyTracksManyCodecs, exSequenceStart, exTrack{0, "hvc1", hevc}, exTrack{1, "hvc1", hevc}),
		exTracks(exOneTrack, exSequenceStart, exTrack{2, "av01", av1Record(av1Head180)}),
	} {
		if err := p.onVideo(tag, 0, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.onAudio(exAudio(exSequenceStart, "Opus", opusHead), 0, time.Time{}); err != nil {
		t.Fatal(err)
	}
	video := exTracks(exManyTracksManyCodecs, exCodedFramesX, exTrack{0, "hvc1", nals(4, hevcIDR)},
		exTrack{1, "hvc1", nals(4, hevcSPS720, hevcIDR)}, exTrack{2, "av01", join(av1Head180, av1Key)})
	sound := exAudio(exCodedFrames, "Opus", []byte{0xF8, 0xFF, 0xFE})
	in, ts := make([]byte, len(video)), uint32(0)
	if n := testing.AllocsPerRun(200, func() {
		ts += 33
		if p.onVideo(in[:copy(in, video)], ts, time.Time{}) != nil || p.onAudio(sound, ts, time.Time{}) != nil {
			t.Fatal("refused")
		}
	}); n != 0 { // a slab is for 16 frames, and the average is rounded down
		t.Errorf("%v allocations", n)
	}
	if p.videos != 3*201 || p.audios != 201 || !bytes.Equal(in[len(in)-5:], av1Key) {
		t.Errorf("%d pictures, %d frames of sound", p.videos, p.audios)
	}
}
