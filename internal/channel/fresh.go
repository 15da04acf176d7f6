package channel

import (
	"context"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// fresh is a value that is asked for again at most once a second. What was heard last stays good while
// whoever is asked does not answer, and nobody waits long for what is known well enough.
type fresh[T any] struct {
	mu     sync.Mutex
	last   *answer[T]
	asking *question[T] // nil: nobody is being asked
}

type answer[T any] struct {
	value T
	at    time.Time
}

// question is one that is under way; value and err are there when done is closed.
type question[T any] struct {
	done  chan struct{}
	value T
	err   error
}

const (
	freshFor     = time.Second
	wellKnownFor = 10 * time.Second // what is no older need not be waited for any longer than
	wellKnown    = 200 * time.Millisecond
	askPatient   = 2 * time.Second
)

// get gives the value. It does not outlive ctx, but what was asked is heard all the same.
func (f *fresh[T]) get(ctx context.Context, now func() time.Time, ask func(context.Context) (T, error)) (v T, err error) {
	f.mu.Lock()
	old, age := f.last, time.Duration(0)
	if old != nil {
		if age = now().Sub(old.at).Abs(); age < freshFor {
			f.mu.Unlock()
			return old.value, nil
		}
	}
	q := f.asking
	if q == nil {
		q = &question[T]{done: make(chan struct{})}
		f.asking = q
		go f.ask(context.WithoutCancel(ctx), q, now, ask)
	}
	f.mu.Unlock()

	var enough <-chan time.Time
	if old != nil && age < wellKnownFor {
		timer := time.NewTimer(wellKnown)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-q.done:
		return q.value, q.err
	case <-enough:
		return old.value, nil
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}

func (f *fresh[T]) ask(ctx context.Context, q *question[T], now func() time.Time, ask func(context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(ctx, askPatient)
	defer cancel()
	at := now()
	q.value, q.err = ask(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	defer close(q.done)
	f.asking = nil
	if q.err != nil && f.last != nil && fault.Of(q.err) != fault.NotFound {
		q.value, q.err, at = f.last.value, nil, now() // whoever does not answer is left alone for a while
	}
	if q.err == nil {
		f.last = &answer[T]{q.value, at}
	}
}
