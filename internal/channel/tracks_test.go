package channel_test

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

func TestATrackThatComesAfterTheFirstFrameIsWrittenDown(t *testing.T) {
	sound := &media.Track{ID: 2, Kind: media.Audio, Codec: media.AAC, SampleRate: 48000, Channels: 2, Bitrate: 128_000, Config: []byte{0x11, 0x90}}
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "the picture is written down", func() bool { return r.record().Video != nil })
	if got := r.record().Audio; got != nil {
		t.Fatalf("sound before it came: %+v", got)
	}
	f := &media.Frame{Track: sound, DTS: time.Second, PTS: time.Second, Arrived: r.clock.Now(), Key: true, Payload: []byte{1, 2, 3}}
	if err := s.Write(f); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the sound is written down", func() bool { return r.record().Audio != nil })
	rec := r.record()
	if rec.Audio.SampleRate != 48000 || rec.Video == nil || rec.Video.Width != 1920 {
		t.Errorf("got %+v and %+v", rec.Video, rec.Audio)
	}
}
