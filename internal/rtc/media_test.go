package rtc

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

func TestPublisherIsSeenBySubscriber(t *testing.T) {
	for name, o := range map[string]rtctest.Options{
		"udp":                          {},
		"tcp":                          {TCP: true},
		"we are the DTLS client":       {Passive: true},
		"the client is DTLS client":    {Active: true},
		"only H.264, without feedback": {H264Only: true, Plain: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			o.Mark = 0x33
			p := w.publish(t, o)
			w.until(t, "both tracks", func() bool { return len(w.up.sinks) == 2 })
			s := w.subscribe(t, rtctest.Options{TCP: o.TCP})
			s.Await(t, rtctest.Audio, 20)
			s.Await(t, rtctest.Video, 50)
			s.PLI(t)
			s.AwaitKeyFrame(t)
			if b := s.Last(rtctest.Video).Payload; b[len(b)-1] != 0x33 {
				t.Errorf("the picture is somebody else's: %x", b[len(b)-1])
			}
			if !o.Plain {
				w.until(t, "sender reports", func() bool { return w.up.sinks[Video].reports > 0 && w.up.sinks[Audio].reports > 0 })
				w.until(t, "feedback", func() bool { return p.Reports.Load() > 0 && p.Transport.Load() > 0 })
			}
			if p.PLIs.Load() == 0 {
				t.Error("the publisher was not asked for a key frame")
			}
			s.Leave(t)
			p.Leave(t)
			w.mu.Lock()
			defer w.mu.Unlock()
			if got := w.up.ended; len(got) != 1 || got[0] != io.EOF {
				t.Errorf("publisher's end: got %v, want one io.EOF", got)
			}
			if got := w.downs[0].ended; len(got) != 1 || got[0] != io.EOF {
				t.Errorf("subscriber's end: got %v, want one io.EOF", got)
			}
			if !w.up.sinks[Video].closed || !w.up.sinks[Audio].closed {
				t.Error("a sink was not closed")
			}
			if w.up.sinks[Video].track.ClockRate != 90000 || !strings.Contains(w.up.sinks[Video].track.Fmtp, "42e01f") {
				t.Errorf("track: %+v", w.up.sinks[Video].track)
			}
		})
	}
}

func TestClosedConnectionEndsTheSessionAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{})
	w.until(t, "media", func() bool { return len(w.up.sinks) == 2 })
	p.Close()
	w.until(t, "the end", func() bool { return len(w.up.ended) == 1 })
	if !errors.Is(w.up.ended[0], ErrPeerClosed) {
		t.Errorf("got %v", w.up.ended[0])
	}
}
