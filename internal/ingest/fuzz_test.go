package ingest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

func FuzzChunks(f *testing.F) {
	for _, c := range hostile() {
		if len(c.in) > 1+2*handshakeSize {
			f.Add(c.in[1+2*handshakeSize:])
		}
	}
	f.Add(chunk(0, 4, append(head0(extended, 130, 8), be32(0x01000000)...), string(make([]byte, 128))))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newChunkReader(sourceOf(t, b))
		got := 0
		for {
			m, err := r.next()
			if err != nil {
				break
			}
			got += len(m.payload)
			if len(m.payload) > strangerLimits.message {
				t.Fatalf("message of %d bytes", len(m.payload))
			}
			again, err := appendMessage(nil, csVideo, defaultChunkSize, m)
			if err != nil {
				t.Fatal(err)
			}
			back := newChunkReader(sourceOf(t, again))
			if m.kind == msgSetChunkSize || m.kind == msgAbort {
				t.Fatalf("message of kind %d was given out", m.kind)
			}
			if n, err := back.next(); err != nil || n.timestamp != m.timestamp || !bytes.Equal(n.payload, m.payload) {
				t.Fatalf("written and read again: %v", err)
			}
		}
		if got > len(b) || r.pending < 0 || r.pending > strangerLimits.pending || len(r.streams) > maxChunkStreams {
			t.Fatalf("%d bytes out of %d, pending %d, %d chunk streams", got, len(b), r.pending, len(r.streams))
		}
	})
}

func FuzzAMF0(f *testing.F) {
	f.Add([]byte("\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03app\x02\x00\x01x\x00\x00\x09"))
	f.Add([]byte("\x0a\x00\x00\x00\x02\x05\x01\x01\x08\xff\xff\xff\xff\x00\x01a\x05\x00\x00\x09"))
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := decodeAMF(b)
		if err != nil {
			return
		}
		again, err := decodeAMF(appendAMF(nil, values...))
		if err != nil || !cmp.Equal(values, again, cmpopts.EquateNaNs()) {
			t.Fatalf("%v is printed as %v, %v", values, again, err)
		}
	})
}

func FuzzFLVTags(f *testing.F) {
	f.Add(videoConfig(avcRecord(4, sps180, pps)), videoFrame(0, aud, sei, idr), uint32(5), true)
	f.Add(videoConfig(avcRecord(1, sps360, pps)), videoFrame(-5, sps180, pps2, idr), uint32(5), true)
	f.Add(videoConfig(avcRecord(4, sps180, pps)), []byte("\x90hvc1\x00"), uint32(5), true)
	f.Add(audioConfig(aacLC), audioFrame(1, 2), uint32(7), false)
	f.Fuzz(fuzzTags)
}

func FuzzEnhancedVideo(f *testing.F) {
	hevc, av1 := hevcRecord(4, hevcVPS720, hevcSPS720, hevcPPSx265), av1Record(av1Head180)
	f.Add(exVideo(exSequenceStart, "hvc1", hevc), exVideo(exCodedFrames, "hvc1", []byte{0, 0, 40}, nals(4, hevcIDR)), uint32(5), true)
	f.Add(exVideo(exSequenceStart, "av01", av1), exVideo(exCodedFrames, "av01", av1Delim, av1Key), uint32(5), true)
	f.Add(exTracks(exManyTracksManyCodecs, exSequenceStart, exTrack{1, "hvc1", hevc}, exTrack{2, "av01", av1}),
		exTracks(exManyTracks, exCodedFramesX, exTrack{1, "hvc1", nals(4, hevcIDR)}, exTrack{9, "hvc1", nals(4, hevcIDR)}), uint32(5), true)
	f.Add([]byte("\x97\x02\x01\x02\x03\x00hvc1"), []byte("\xD0\x00"), uint32(5), true)
	f.Fuzz(fuzzTags)
}

func FuzzEnhancedAudio(f *testing.F) {
	f.Add(exAudio(exSequenceStart, "Opus", opusHead), exAudio(exCodedFrames, "Opus", []byte{0xF8, 0xFF, 0xFE}), uint32(5), false)
	f.Add(exAudio(exMultichannelConfig, "Opus", []byte{1, 2, 0, 0, 0, 3}), exAudio(exSequenceEnd, "Opus"), uint32(5), false)
	f.Add([]byte("\x95\x10mp4a\x00\x00\x00\x02\x11\x90\x01\x00\x00\x00"), []byte("\x95\x01Opus\x01"), uint32(5), false)
	f.Add([]byte("\x97\xFF\x00\x02\x00\x00\x01\x00mp4a\x11\x90"), []byte("\x91mp4a\x01"), uint32(5), false)
	f.Fuzz(fuzzTags)
}

// fuzzTags feeds two tags to a publication that runs.
func fuzzTags(t *testing.T, config, frame []byte, ts uint32, isVideo bool) {
	kind := byte(FLVAudio)
	if isVideo {
		kind = FLVVideo
	}
	frames, p, err := take(t, vid(0, videoConfig(avcRecord(4, sps180, pps))), vid(0, videoFrame(0, idr)),
		FLVTag{kind, ts, config}, FLVTag{kind, ts, frame}, FLVTag{kind, ts + 20, frame})
	if err != nil && fault.Of(err) != fault.Invalid {
		t.Fatalf("error: %v", err)
	}
	if n := p.stream.Info().Videos; n < len(p.pictures.all) || n > maxVideoTracks {
		t.Fatalf("%d tracks are announced, there are %d", n, len(p.pictures.all))
	}
	checkTimeline(t, frames)
	for _, fr := range frames {
		if id := fr.Track.ID; fr.Track.Kind == media.Video && (id < media.FirstVideo || id >= media.FirstVideo+maxVideoTracks) {
			t.Fatalf("track %d", id)
		}
		if fr.Track.Kind == media.Video {
			c, err := parseVideoConfig(fr.Track.Codec, fr.Track.Config)
			if err != nil {
				t.Fatalf("config %x: %v", fr.Track.Config, err)
			}
			if p, err := c.accessUnit(bytes.Clone(fr.Payload)); err != nil || p.changed || !bytes.Equal(p.payload, fr.Payload) {
				t.Fatalf("payload %x is not clean: %v", fr.Payload, err)
			}
		}
	}
}

func FuzzFLVFile(f *testing.F) {
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x01\x00\x00\x05\x00\x00\x00\x00\x17\x00\x00\x00\x0c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewFLVReader(bytes.NewReader(b))
		for err == nil {
			var tag FLVTag
			tag, err = r.Next()
			if len(tag.Data) > len(b) {
				t.Fatalf("tag of %d bytes", len(tag.Data))
			}
		}
	})
}

// FuzzConnection feeds a whole connection what comes after the handshake.
func FuzzConnection(f *testing.F) {
	for _, c := range hostile() {
		if len(c.in) > len(hello()) {
			f.Add(c.in[len(hello()):])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		gate := &readerGate{}
		var log bytes.Buffer
		s := NewRTMP(RTMPDeps{Gates: []media.Gate{gate}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		newConn(s, &bytesConn{r: io.MultiReader(bytes.NewReader(hello()), bytes.NewReader(b))}).serve(t.Context())
		for _, r := range gate.readers {
			frames, err := r.Next(t.Context())
			if err == nil {
				checkTimeline(t, frames)
				_, err = r.Next(t.Context())
			}
			if err != io.EOF && err != errLost && fault.Of(err) != fault.Invalid {
				t.Fatalf("stream ended with %v", err)
			}
		}
		if bytes.Contains(log.Bytes(), []byte("secretsecret")) {
			t.Fatalf("the log shows a key: %s", &log)
		}
	})
}

// readerGate admits everybody, and keeps a reader of each stream.
type readerGate struct{ readers []*media.Reader }

func (g *readerGate) Admit(context.Context, media.Publisher) (*media.Stream, error) {
	s := media.NewStream()
	g.readers = append(g.readers, s.NewReader(media.ReaderOptions{}))
	return s, nil
}
