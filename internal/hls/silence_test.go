package hls

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// An encoder that comes back without its sound must not take the sound's track from the players.
func TestAStreamThatLostItsSoundGoesOnInSilence(t *testing.T) {
	w := newWatch(t)
	w.p.Expect()
	w.session(feed{length: 6 * time.Second, audio: audioTrack()}.frames())
	start := func(at time.Duration) time.Time { return testStart.Add(at) }
	for i, c := range []struct {
		f     feed
		leave bool
		want  string
	}{
		{feed{length: 12 * time.Second, start: start(10 * time.Second)}, false, "avc1.42c028,mp4a.40.2"},
		{feed{length: 12 * time.Second, start: start(30 * time.Second), audio: audioTrack(), audioFrom: 4 * time.Second}, false, "avc1.42c028,mp4a.40.2"},
		{feed{length: 12 * time.Second, start: start(50 * time.Second), audio: audioTrack()}, true, "avc1.42c028,mp4a.40.2"},
		{feed{length: 12 * time.Second, start: start(70 * time.Second)}, false, "avc1.42c028"},
	} {
		w.session(c.f.frames())
		if got := w.p.current.Load().variant.codecs; got != c.want {
			t.Errorf("run %d has %s", i, got)
		}
		if c.leave {
			w.p.Leave()
		}
	}
}

func TestSilenceIsOneFrameOfTheTracksFormat(t *testing.T) {
	frame, length := Silence(audioTrack())
	if want := 1024 * time.Second / 48000; len(frame) == 0 || length != want {
		t.Errorf("%x lasts %v, not %v", frame, length, want)
	}
	surround := *audioTrack()
	surround.Config, surround.Channels = []byte{0x11, 0xB0}, 6
	for _, track := range []*media.Track{&surround, {Kind: media.Audio, Codec: media.H264}} {
		if frame, length := Silence(track); frame != nil || length != 0 {
			t.Errorf("%v: %x lasts %v", track.Codec, frame, length)
		}
	}
}
