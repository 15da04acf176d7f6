package hls

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// An encoder may send whatever times it likes.
func TestFramesWithoutAPaceAreNeverSteady(t *testing.T) {
	for _, deltas := range [][]ticks{{0, 0, 0, 0, 0}, {-5, 1, 1, 1, 1, -5, 1, 1, 1}, {-5, -5, -5, -5, -5}, {second / 30, second / 30, second / 30, second / 30, 0}} {
		for _, declared := range []float64{0, 30} {
			p := newPacer(declared)
			for _, d := range deltas {
				p.step(d)
				if p.steady() && p.frame() <= 0 {
					t.Errorf("%v (declared %v): steady at %d", deltas, declared, p.frame())
				}
			}
		}
	}
}

func TestAnEncoderWhoseClockStandsStill(t *testing.T) {
	stream := media.NewStream()
	reader := stream.NewReader(media.ReaderOptions{})
	defer reader.Close()
	v, a := videoTrack(0), audioTrack()
	send := func(track *media.Track, at time.Duration, key bool) {
		f := &media.Frame{Track: track, DTS: at, PTS: at, Arrived: testStart, Key: key, Payload: []byte{0, 0, 0, 4, 0x65, 1, 2, 3}}
		if err := stream.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	send(v, 0, true)
	send(a, 0, true)
	for range 10 {
		send(v, 40*time.Millisecond, true)
	}
	for range 10 {
		send(v, 20*time.Millisecond, false)
	}
	stream.Close()
	p := New(Options{Now: func() time.Time { return testStart }})
	if err := p.Run(t.Context(), reader); err != nil {
		t.Error(err)
	}
	if p.empty() {
		t.Error("nothing is packaged")
	}
}
