package ingest

import (
	"io"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// What comes while a connection rests is as much a part of the stream as all else.
func TestStreamThatNobodyWaitsFor(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(p *PublishConn, s *media.Stream) error
		frames int
		want   error
	}{
		"a goodbye without a hang-up": {func(p *PublishConn, _ *media.Stream) error { return p.call(0, "FCUnpublish", 6.0, nil) }, 8, io.EOF},
		"a hang-up":                   {func(p *PublishConn, _ *media.Stream) error { return p.nc.Close() }, 2, errLost},
		"a stop":                      {func(_ *PublishConn, s *media.Stream) error { s.Stop(errStopped); return nil }, 0, errStopped},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, nil)
			p := dialGood(t, s, goodKey)
			a := s.gate.next(t)
			publishSome(t, p, 1)
			a.frames.atLeast(t, 2)
			a.frames.reader.Want(time.Hour)
			for i := range uint32(6) { // the first of them is read at once, since the reading has begun
				if err := p.WriteTag(vid(1000+33*i, videoFrame(0, idr))); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.end(p, a.stream); err != nil {
				t.Fatal(err)
			}
			frames, err := a.frames.all(t)
			if err != c.want || len(frames) < c.frames {
				t.Errorf("%d frames, then %v; want %d, %v", len(frames), err, c.frames, c.want)
			}
			checkTimeline(t, frames)
			if c.want == errStopped {
				refusedAs(t, p, codeUnpublished, "enough")
			}
		})
	}
}

var errStopped = fault.AccessDenied("enough")

func TestScheduleExpectsPictures(t *testing.T) {
	const frame = 40 * time.Millisecond
	at := func(d time.Duration) time.Time { return time.Unix(1000, 0).Add(d) }
	var s schedule
	spare := func(why string, due, now, want time.Duration) {
		t.Helper()
		if got := s.spare(due, at(now)); got != want {
			t.Errorf("%s: %v to spare, want %v", why, got, want)
		}
	}
	spare("before the first picture", time.Second, 0, 0)
	s.note(0, at(0), at(0))
	s.note(frame, at(45*time.Millisecond), at(45*time.Millisecond)) // late: a line's jitter
	spare("a line that is late now and then", 10*frame, frame, 9*frame-restMargin+forgetting)
	s.note(2*frame, at(70*time.Millisecond), at(70*time.Millisecond)) // early
	spare("an encoder that is early", 10*frame, 2*frame, 8*frame-restMargin-10*time.Millisecond)
	spare("a reader in a hurry", media.AtOnce, 0, 0)
	spare("no reader", media.Never, 0, 0)

	for _, c := range []struct {
		what                   string
		dts, since, read, want time.Duration
	}{
		{"read as it came", 3 * frame, 115, 115, 115},
		{"lay in the socket", 4 * frame, 115, 300, 150},
		{"was due before the rest", 2 * frame, 115, 300, 115},
		{"was not due yet", 10 * frame, 115, 300, 300},
	} {
		got := s.came(c.dts, at(c.since*time.Millisecond), at(c.read*time.Millisecond))
		if want := at(c.want * time.Millisecond); !got.Equal(want) {
			t.Errorf("%s: came at %v, want %v", c.what, got, want)
		}
	}
	s.note(10*frame, at(115*time.Millisecond), at(300*time.Millisecond))
	spare("a picture that lay there before it was expected", 20*frame, 300*time.Millisecond, 10*frame-restMargin)
}
