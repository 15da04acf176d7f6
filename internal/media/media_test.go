package media_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

var (
	video = &media.Track{ID: 1, Kind: media.Video, Codec: media.H264}
	audio = &media.Track{ID: 2, Kind: media.Audio, Codec: media.AAC}
)

func key(n int) *media.Frame {
	return &media.Frame{Track: video, DTS: time.Duration(n), Key: true, Payload: make([]byte, 10)}
}

func delta(n int) *media.Frame {
	return &media.Frame{Track: video, DTS: time.Duration(n), Payload: make([]byte, 10)}
}

func sound(n int) *media.Frame {
	return &media.Frame{Track: audio, DTS: time.Duration(n), Key: true, Payload: make([]byte, 10)}
}

func write(t *testing.T, s *media.Stream, fs ...*media.Frame) {
	t.Helper()
	for _, f := range fs {
		if err := s.Write(f); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
}

// got gives the DTS of the frames that are waiting for r, which must be some.
func got(t *testing.T, r *media.Reader) []int {
	t.Helper()
	fs, err := r.Next(t.Context())
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	var out []int
	for _, f := range fs {
		out = append(out, int(f.DTS))
	}
	return out
}

func want(t *testing.T, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("frames: got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("frames: got %v, want %v", got, want)
		}
	}
}

func TestReaderBeginsAtTheNextKeyFrame(t *testing.T) {
	s := media.NewStream()
	write(t, s, key(1))
	r := s.NewReader(media.ReaderOptions{})
	defer r.Close()
	write(t, s, delta(2), sound(3), key(4), sound(5), delta(6))
	want(t, got(t, r), 4, 5, 6)
	if d := r.Dropped(); d != 0 {
		t.Errorf("dropped: got %d, what came before the beginning is no loss", d)
	}
}

func TestSlowReaderLosesUpToTheNextKeyFrameAndSlowsNobody(t *testing.T) {
	for _, c := range []struct {
		name string
		o    media.ReaderOptions
	}{
		{"bound by frames", media.ReaderOptions{Frames: 3}},
		{"bound by bytes", media.ReaderOptions{Bytes: 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := media.NewStream()
			slow, fast := s.NewReader(c.o), s.NewReader(media.ReaderOptions{})
			defer slow.Close()
			defer fast.Close()
			write(t, s, key(1), sound(2), delta(3), delta(4), sound(5))
			want(t, got(t, slow), 1, 2, 3)
			// There is room again, but what depends on lost pictures is of no use.
			write(t, s, delta(6), sound(7), key(8), sound(9))
			want(t, got(t, slow), 8, 9)
			want(t, got(t, fast), 1, 2, 3, 4, 5, 6, 7, 8, 9)
			if d := slow.Dropped(); d != 4 {
				t.Errorf("slow reader dropped %d, want 4", d)
			}
			if d := fast.Dropped(); d != 0 {
				t.Errorf("fast reader dropped %d", d)
			}
		})
	}
}

func TestEachVideoTrackFlowsFromItsOwnKeyFrame(t *testing.T) {
	small := &media.Track{ID: media.FirstVideo + 1, Kind: media.Video, Codec: media.H264}
	of := func(f *media.Frame) *media.Frame { f.Track = small; return f }
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{Frames: 4})
	defer r.Close()
	write(t, s, of(delta(1)), key(2), of(delta(3)), sound(4), of(key(5)), of(delta(6)))
	want(t, got(t, r), 2, 4, 5, 6)
	if d := r.Dropped(); d != 0 {
		t.Errorf("dropped %d, though what comes before a track's key frame is no loss", d)
	}
	write(t, s, delta(7), delta(8), delta(9), delta(10), delta(11), of(delta(12)))
	want(t, got(t, r), 7, 8, 9, 10)
	write(t, s, of(key(13)), delta(14), sound(15), key(16), delta(17))
	want(t, got(t, r), 13, 15, 16, 17)
}

func TestReaderSleepsUntilItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := media.NewStream()
		r := s.NewReader(media.ReaderOptions{Frames: 8})
		defer r.Close()
		batches := make(chan int)
		next := func() {
			fs, err := r.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			batches <- len(fs)
		}
		sleeps := func(why string) {
			t.Helper()
			synctest.Wait()
			select {
			case n := <-batches:
				t.Errorf("%s: %d frames came at once", why, n)
				go next()
			default:
			}
		}
		wakes := func(why string, want int) {
			t.Helper()
			synctest.Wait()
			select {
			case n := <-batches:
				if n != want {
					t.Errorf("%s: %d frames, want %d", why, n, want)
				}
			default:
				t.Fatalf("%s: the reader sleeps", why)
			}
		}
		go next()
		write(t, s, key(1))
		wakes("a reader that was told nothing", 1)

		r.Until(10, 10)
		go next()
		write(t, s, delta(2), sound(9))
		sleeps("before its time")
		write(t, s, delta(10))
		wakes("at its time", 3)

		go next()
		write(t, s, sound(9)) // the order of tracks is loose
		sleeps("before its time")
		write(t, s, key(8))
		wakes("for a key frame", 2)

		r.Until(50, 50)
		write(t, s, delta(11), sound(12))
		r.Until(11, 50)
		go next()
		wakes("for what had come before it was told", 2)

		r.Until(20, 30)
		go next()
		write(t, s, sound(29), delta(19))
		sleeps("before the time of either")
		write(t, s, sound(30))
		wakes("at the time of sound", 3)

		r.Until(100, 100)
		go next()
		write(t, s, delta(11), delta(12), delta(13), delta(14))
		sleeps("while there is room")
		write(t, s, delta(15))
		wakes("when the ring is half full", 5)

		go next()
		write(t, s, delta(16))
		sleeps("before its time")
		big := sound(16)
		big.Payload = make([]byte, 16<<20)
		write(t, s, big)
		wakes("when half of the ring's bytes are there", 2)

		ctx, cancel := context.WithCancel(t.Context())
		write(t, s, delta(17))
		cancel()
		if fs, err := r.Next(ctx); len(fs) != 1 || err != nil {
			t.Errorf("at the end of its context: %d frames, %v", len(fs), err)
		}
		if _, err := r.Next(ctx); err != context.Canceled {
			t.Errorf("after that: %v", err)
		}

		go next()
		write(t, s, delta(18))
		sleeps("before its time")
		s.Close()
		wakes("at the end", 1)
	})
}

func TestBatchStaysValidUntilTheNextCall(t *testing.T) {
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{})
	defer r.Close()
	write(t, s, key(1), delta(2))
	batch, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, delta(3), delta(4), delta(5))
	if len(batch) != 2 || batch[0].DTS != 1 || batch[1].DTS != 2 {
		t.Errorf("batch changed: %v", batch)
	}
	want(t, got(t, r), 3, 4, 5)
}

func TestCloseLetsReadersDrain(t *testing.T) {
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{})
	defer r.Close()
	write(t, s, key(1), delta(2))
	s.Close()
	s.Close()
	want(t, got(t, r), 1, 2)
	if _, err := r.Next(t.Context()); err != io.EOF {
		t.Errorf("end: got %v, want io.EOF", err)
	}
	if err := s.Write(key(3)); err != io.EOF {
		t.Errorf("write after the end: got %v, want io.EOF", err)
	}
	late := s.NewReader(media.ReaderOptions{})
	defer late.Close()
	if _, err := late.Next(t.Context()); err != io.EOF {
		t.Errorf("reader of an ended stream: got %v, want io.EOF", err)
	}
}

func TestStopGivesItsReasonToAll(t *testing.T) {
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{})
	defer r.Close()
	reason := errors.New("stopped by the owner")
	s.Stop(reason)
	s.Stop(errors.New("too late"))
	s.Close()
	select {
	case <-s.Done():
	default:
		t.Error("Done is not closed")
	}
	if err := s.Write(key(1)); err != reason {
		t.Errorf("writer: got %v", err)
	}
	if _, err := r.Next(t.Context()); err != reason {
		t.Errorf("reader: got %v", err)
	}
	if err := s.Err(); err != reason {
		t.Errorf("Err: got %v", err)
	}
	if frames, bytes := s.Written(); frames != 0 || bytes != 0 {
		t.Errorf("written after the end: %d frames, %d bytes", frames, bytes)
	}
	if s := media.NewStream(); s.Err() != nil {
		t.Error("a running stream has an error")
	} else if s.Stop(nil); s.Err() == nil {
		t.Error("a stop without a reason left none")
	}
}

func TestNextEndsWithItsContextAndWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := media.NewStream()
		r := s.NewReader(media.ReaderOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		next := func(ctx context.Context) { _, err := r.Next(ctx); ended <- err }
		go next(ctx)
		synctest.Wait()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("context: got %v", err)
		}
		go next(t.Context())
		synctest.Wait()
		r.Close()
		r.Close()
		if err := <-ended; err != context.Canceled {
			t.Errorf("close: got %v", err)
		}
		write(t, s, key(1)) // nobody is there
	})
}

func TestDescriptionIsKept(t *testing.T) {
	s := media.NewStream()
	if i := s.Info(); i != (media.Info{}) {
		t.Errorf("before: %+v", i)
	}
	s.Describe(media.Info{Encoder: "OBS"})
	if i := s.Info(); i.Encoder != "OBS" {
		t.Errorf("after: %+v", i)
	}
	write(t, s, key(1), delta(2))
	if frames, bytes := s.Written(); frames != 2 || bytes != 20 {
		t.Errorf("written: %d frames, %d bytes", frames, bytes)
	}
}

// TestManyReadersComeAndGo is for the race detector: whatever a reader gets is in order and begins with a
// key frame after every loss.
func TestManyReadersComeAndGo(t *testing.T) {
	s := media.NewStream()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for {
				r := s.NewReader(media.ReaderOptions{Frames: 1 + i})
				last, err := time.Duration(-1), error(nil)
				for range 20 {
					var fs []*media.Frame
					if fs, err = r.Next(t.Context()); err != nil {
						break
					}
					for _, f := range fs {
						if f.DTS <= last || f.DTS != last+1 && !f.Key {
							t.Errorf("frame %d after %d, key %v", f.DTS, last, f.Key)
						}
						last = f.DTS
					}
				}
				r.Close()
				if err != nil {
					return
				}
			}
		})
	}
	for i := range 20000 {
		f := delta(i)
		f.Key = i%10 == 0
		write(t, s, f)
	}
	s.Close()
	wg.Wait()
}

func TestDueIsWhatTheHastiestReaderWants(t *testing.T) {
	s := media.NewStream()
	due := func(want time.Duration) {
		t.Helper()
		if got := s.Due(); got != want {
			t.Errorf("due is %v, want %v", got, want)
		}
	}
	due(media.Never)
	first, second := s.NewReader(media.ReaderOptions{}), s.NewReader(media.ReaderOptions{})
	defer first.Close()
	first.Want(time.Second)
	due(media.AtOnce)
	second.Want(2 * time.Second)
	due(time.Second)
	first.Want(media.Never)
	due(2 * time.Second)
	second.Close()
	due(media.Never)
}
