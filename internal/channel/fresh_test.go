package channel

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// source answers as it is told to; while it hangs, not before it is given up on.
type source struct {
	value, asked atomic.Int64
	hangs        atomic.Bool
	err          atomic.Pointer[error]
}

func (s *source) ask(ctx context.Context) (int64, error) {
	s.asked.Add(1)
	if s.hangs.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if err := s.err.Load(); err != nil {
		return 0, *err
	}
	return s.value.Load(), nil
}

func TestNobodyWaitsLongForWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fresh[int64]
		var s source
		get := func() (int64, error) { return f.get(t.Context(), time.Now, s.ask) }
		s.value.Store(1)
		s.hangs.Store(true)
		var unknown sync.WaitGroup
		begun := time.Now()
		for range 20 {
			unknown.Go(func() {
				if _, err := get(); err == nil {
					t.Error("a value out of nothing")
				}
			})
		}
		unknown.Wait()
		if took := time.Since(begun); took != askPatient || s.asked.Load() != 1 {
			t.Errorf("all were answered after %v, by %d questions", took, s.asked.Load())
		}
		s.hangs.Store(false)
		if v, err := get(); v != 1 || err != nil {
			t.Fatalf("%d, %v", v, err)
		}

		s.hangs.Store(true)
		s.asked.Store(0)
		for range 100 { // a player's requests for ten seconds
			time.Sleep(100 * time.Millisecond)
			begun := time.Now()
			if v, err := get(); v != 1 || err != nil || time.Since(begun) > wellKnown {
				t.Fatalf("%d, %v after %v", v, err, time.Since(begun))
			}
		}
		if n := s.asked.Load(); n < 3 || n > 11 {
			t.Errorf("asked %d times in ten seconds", n)
		}
		s.hangs.Store(false)
		s.value.Store(2)
		time.Sleep(freshFor + askPatient)
		if v, err := get(); v != 2 || err != nil {
			t.Errorf("when it answers again: %d, %v", v, err)
		}
		time.Sleep(wellKnownFor)
		s.hangs.Store(true)
		begun = time.Now()
		if v, _ := get(); v != 2 || time.Since(begun) != askPatient {
			t.Errorf("what is old is %d after %v", v, time.Since(begun))
		}
	})
}

func TestAValueIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fresh[int64]
		var s source
		for range 30 {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { f.get(t.Context(), time.Now, s.ask) })
			}
			all.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.asked.Load(); n != 3 {
			t.Errorf("asked %d times in three seconds", n)
		}
		var gone error = fault.Missing("deleted")
		s.err.Store(&gone)
		time.Sleep(time.Second)
		if _, err := f.get(t.Context(), time.Now, s.ask); fault.Of(err) != fault.NotFound {
			t.Errorf("what is deleted: %v", err)
		}
	})
}

func TestWhoLeavesDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fresh[int64]
		var s source
		s.hangs.Store(true)
		why := errors.New("revoked")
		ctx, cut := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cut(why) })
		begun := time.Now()
		if _, err := f.get(ctx, time.Now, s.ask); !errors.Is(err, why) || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(askPatient) // the question ends by itself
	})
}
