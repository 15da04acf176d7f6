package ingest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/media/mediatest"
)

// publishFrames sends frames to a server and gives what came out at its other end.
func publishFrames(t *testing.T, send func(*PublishConn) error) ([]*media.Frame, media.Info) {
	t.Helper()
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	if err := send(p); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := a.frames.all(t)
	if err != io.EOF {
		t.Fatalf("the stream ended with %v", err)
	}
	checkTimeline(t, got)
	return got, a.stream.Info()
}

// TestEveryCodecGoesThrough publishes what real encoders made, by our own publisher.
func TestEveryCodecGoesThrough(t *testing.T) {
	bframes := []string{
		"-c:v", "libx265", "-preset", "ultrafast", "-bf", "3", "-pix_fmt", "yuv420p10le",
		"-x265-params", "log-level=error:keyint=30:min-keyint=30:open-gop=1:bframes=3:b-adapt=0:repeat-headers=1:aud=1",
	}
	for _, c := range []struct {
		name         string
		video, audio []string
		wantV, wantA string
	}{
		{"H.264 and AAC", mediatest.H264, mediatest.AAC, "avc1.42C00D", "mp4a.40.2"},
		{"H.264 and Opus", mediatest.H264, mediatest.Opus, "avc1.42C00D", "opus"},
		{"HEVC and AAC", mediatest.HEVC, mediatest.AAC, "hvc1.1.6.L60.90", "mp4a.40.2"},
		{"HEVC of 10 bits with B-frames and open GOPs", bframes, mediatest.AAC, "hvc1.2.4.L60.90", "mp4a.40.2"},
		{"AV1 and Opus", mediatest.AV1, mediatest.Opus, "av01.0.00M.08", "opus"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent := mediatest.Encode(t, mediatest.Picture("320x180", "2"), mediatest.Tone("2"), c.video, c.audio)
			got, info := publishFrames(t, func(p *PublishConn) error {
				for _, f := range sent {
					if err := p.WriteFrame(f); err != nil {
						return err
					}
				}
				return nil
			})
			// A reader begins at the first picture.
			for sent[0].Track.Kind != media.Video {
				sent = sent[1:]
			}
			if len(got) != len(sent) || info.Videos != 1 {
				t.Fatalf("%d frames, want %d; %+v", len(got), len(sent), info)
			}
			origin := got[0].DTS - sent[0].DTS
			for i, f := range got {
				w := sent[i]
				want := c.wantA
				if w.Track.Kind == media.Video {
					want = c.wantV
				}
				if f.Track.ID != w.Track.ID || f.Track.RFC6381() != want || f.Track.Width != w.Track.Width || f.Track.SampleRate != w.Track.SampleRate || f.Track.Channels != w.Track.Channels {
					t.Fatalf("frame %d: %s, %+v", i, f.Track.RFC6381(), f.Track)
				}
				if f.Key != w.Key || off(f.DTS-origin, w.DTS) || off(f.PTS-origin, w.PTS) {
					t.Fatalf("frame %d: key %v at %v, %v; want %v at %v, %v", i, f.Key, f.DTS-origin, f.PTS-origin, w.Key, w.DTS, w.PTS)
				}
				if !bytes.Equal(f.Payload, w.Payload) && !bytes.HasSuffix(w.Payload, f.Payload) { // without delimiter and parameter sets
					t.Fatalf("frame %d: the payload changed", i)
				}
			}
			if video, _ := split(got); video[0].Track != video[len(video)-1].Track {
				t.Error("the track changed")
			}
		})
	}
}

// off tells whether two times differ by more than what whole milliseconds make of them.
func off(a, b time.Duration) bool { return (a - b).Abs() > 2*time.Millisecond }

// ladder gives the same picture in three sizes, with key frames at the same times, and sound. The sizes are
// announced in another order than that of their quality.
func ladder(t *testing.T, codecs ...[]string) (frames [][]*media.Frame, tracks []*media.Track) {
	t.Helper()
	for i, size := range []string{"640x360", "320x180", "480x270"} {
		all := mediatest.Encode(t, mediatest.Picture(size, "2"), codecs[i%len(codecs)])
		own := *all[0].Track
		own.ID = media.FirstVideo + i
		for _, f := range all {
			f.Track = &own
		}
		frames, tracks = append(frames, all), append(tracks, &own)
	}
	return frames, tracks
}

func checkLadder(t *testing.T, got []*media.Frame, info media.Info, sent [][]*media.Frame) {
	t.Helper()
	if info.Videos != 3 {
		t.Errorf("told of %d tracks", info.Videos)
	}
	byID := map[int][]*media.Frame{}
	for _, f := range got {
		byID[f.Track.ID] = append(byID[f.Track.ID], f)
	}
	for id, c := range map[int]struct{ sent, width int }{1: {0, 640}, 2: {2, 480}, 3: {1, 320}} {
		fs := byID[id]
		if len(fs) != 60 {
			t.Fatalf("track %d: %d frames", id, len(fs))
		}
		for i, f := range fs {
			if f.Track != fs[0].Track || f.Track.Width != c.width || f.Track.Codec != sent[c.sent][i].Track.Codec || !bytes.Equal(f.Payload, sent[c.sent][i].Payload) {
				t.Fatalf("track %d, frame %d: %+v", id, i, f.Track)
			}
			if f.Key != (i%30 == 0) || f.DTS != byID[1][i].DTS {
				t.Errorf("track %d, frame %d: key %v at %v, the first track's is at %v", id, i, f.Key, f.DTS, byID[1][i].DTS)
			}
		}
	}
}

func TestMultitrackGoesThrough(t *testing.T) {
	for name, codecs := range map[string][][]string{
		"H.264": {mediatest.H264}, "HEVC": {mediatest.HEVC}, "HEVC, H.264 and AV1": {mediatest.HEVC, mediatest.H264, mediatest.AV1},
	} {
		t.Run(name, func(t *testing.T) {
			sent, tracks := ladder(t, codecs...)
			got, info := publishFrames(t, func(p *PublishConn) error {
				err := p.Announce(0, tracks...)
				for i := 0; i < 60 && err == nil; i++ {
					for _, fs := range sent {
						if err = p.WriteFrame(fs[i]); err != nil {
							break
						}
					}
				}
				return err
			})
			checkLadder(t, got, info, sent)
		})
	}
}

// TestManyTracksInOnePacketGoThrough sends all tracks of a moment in one message.
func TestManyTracksInOnePacketGoThrough(t *testing.T) {
	for name, c := range map[string]struct {
		kind   byte
		codecs [][]string
	}{
		"of one codec":   {exManyTracks, [][]string{mediatest.HEVC}},
		"of many codecs": {exManyTracksManyCodecs, [][]string{mediatest.HEVC, mediatest.H264, mediatest.H264}},
	} {
		t.Run(name, func(t *testing.T) {
			sent, tracks := ladder(t, c.codecs...)
			got, info := publishFrames(t, func(p *PublishConn) error {
				var starts []exTrack
				for i, tr := range tracks {
					starts = append(starts, exTrack{byte(i), fourCCOf(tr.Codec), tr.Config})
				}
				err := p.WriteTag(vid(0, exTracks(c.kind, exSequenceStart, starts...)))
				for i := 0; i < 60 && err == nil; i++ {
					var parts []exTrack
					for n, fs := range sent {
						parts = append(parts, exTrack{byte(n), fourCCOf(fs[i].Track.Codec), fs[i].Payload})
					}
					err = p.WriteTag(vid(uint32(sent[0][i].DTS.Milliseconds()), exTracks(c.kind, exCodedFramesX, parts...)))
				}
				return err
			})
			checkLadder(t, got, info, sent)
		})
	}
}
