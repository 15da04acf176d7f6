package hook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// source is where a lane's events come from.
type source interface {
	next(ctx context.Context) (*store.Event, error) // nil: there is none now
	reset()                                         // what next gave since the last note may not have been noted
}

// lane offers events one at a time, in order, each until it is taken or given up. It does not wait: step
// makes at most one try, and due says when the next one may be. It belongs to one goroutine.
type lane struct {
	name   string
	source source
	offer  func(ctx context.Context, e store.Event) error // one try; an Invalid fault: never again
	taken  func(ctx context.Context, e store.Event) error // notes that it was
	dead   func(ctx context.Context, e store.Event, tries int, err error) error
	held   func(ctx context.Context, e store.Event, tries int, since time.Time, err error) error // notes a failure; may be nil
	free   func(ctx context.Context) error                                                       // notes that failures are over; may be nil

	tries            int           // after which an event is given up; 0: never
	try              time.Duration // how long one may take
	minWait, maxWait time.Duration // after the first failure, and what its doubling comes to

	delivered, failed, refused prometheus.Counter
	log                        *slog.Logger

	head     *store.Event // what is being offered
	failures int
	since    time.Time // of the first try
	due      time.Time // of the next
	resume   map[int64]store.WebhookFailure
}

// step makes one try if there is an event and its time has come, and says whether it did. Its error is the
// store's: the lane begins anew from what the store knows.
func (l *lane) step(ctx context.Context) (tried bool, err error) {
	if l.head == nil {
		if l.head, err = l.source.next(ctx); err != nil || l.head == nil {
			return false, err
		}
		known := l.resume[l.head.Global]
		l.resume = nil
		l.failures, l.since, l.due = known.Tries, known.Since, time.Time{}
	}
	now := time.Now()
	if now.Before(l.due) {
		return false, nil
	}
	if l.since.IsZero() {
		l.since = now
	}
	e := *l.head
	try, cancel := context.WithTimeout(ctx, l.try)
	failure := l.offer(try, e)
	cancel()
	log := l.log.With("event", e.ID, "type", e.DetailType, "resources", e.Resources)
	switch {
	case failure == nil:
		l.delivered.Inc()
		if l.failures > 0 {
			log.Info("events: taken at last", "failures", l.failures)
		}
		err = l.settle(ctx, func(ctx context.Context) error { return l.taken(ctx, e) })
	case ctx.Err() != nil:
		return false, ctx.Err()
	case fault.Of(failure) == fault.Invalid, l.tries > 0 && l.failures+1 >= l.tries:
		l.refused.Inc()
		log.Error("events: refused for good, left out", "tries", l.failures+1, "err", failure)
		err = l.settle(ctx, func(ctx context.Context) error { return l.dead(ctx, e, l.failures+1, failure) })
	default:
		l.failed.Inc()
		wait := backOff(l.minWait, l.maxWait, l.failures)
		l.failures++
		l.due = time.Now().Add(wait)
		log.Warn("events: not taken, will be offered again", "failures", l.failures, "wait", wait, "err", failure)
		if l.held != nil {
			err = l.held(ctx, e, l.failures, l.since, failure)
		}
	}
	return true, err
}

// noteTime is how long it may take to note what a receiver has said: nobody who stops waits longer.
const noteTime = 3 * time.Second

// settle ends the tries of an event. What the receiver has said is noted though ctx has ended meanwhile, or
// the event would come again.
func (l *lane) settle(ctx context.Context, note func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := note(ctx); err != nil {
		return err
	}
	l.head = nil
	if l.failures > 0 && l.free != nil {
		return l.free(ctx)
	}
	return nil
}

// drive lets lanes make their tries in turn until none has anything to do now, or ctx ends. The channel it
// gives says when the first of them has again; it is nil where only news can tell.
func drive(ctx context.Context, lanes ...*lane) <-chan time.Time {
	for worked := true; worked; {
		worked = false
		for _, l := range lanes {
			tried, err := l.step(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				l.log.Error("events: the store fails", "err", err)
				l.head = nil
				l.source.reset()
				continue
			}
			worked = worked || tried
		}
	}
	var first time.Time
	for _, l := range lanes {
		if l.head != nil && (first.IsZero() || l.due.Before(first)) {
			first = l.due
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}

// backOff gives the wait after so many earlier failures, with a fifth of chance in it.
func backOff(least, most time.Duration, failures int) time.Duration {
	wait := most
	if failures < 30 {
		wait = min(wait, least<<failures)
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/5+1))
}

// poke leaves a token in a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// batch is how many events a lane holds in memory.
const batch = 20

// follower reads the outbox from a cursor on.
type follower struct {
	db     *store.DB
	begin  func(ctx context.Context) (int64, error)    // where to begin, asked at the first read and after a reset
	want   func(e store.Event) bool                    // nil: all
	skip   func(ctx context.Context, upTo int64) error // notes what is not wanted; may be nil
	missed func(n int64)                               // told of events that are gone already; may be nil

	begun bool
	at    int64 // the number up to which it has read
	ahead []store.Event
}

func (f *follower) reset() { f.begun, f.ahead = false, nil }

func (f *follower) next(ctx context.Context) (_ *store.Event, err error) {
	if !f.begun {
		if f.at, err = f.begin(ctx); err != nil {
			return nil, err
		}
		f.begun = true
	}
	for {
		if len(f.ahead) == 0 {
			if f.ahead, err = f.db.Events(ctx, f.at, batch); err != nil || len(f.ahead) == 0 {
				return nil, err
			}
			if n := f.ahead[0].Global - f.at - 1; n > 0 && f.missed != nil {
				f.missed(n)
			}
		}
		e := f.ahead[0]
		f.ahead, f.at = f.ahead[1:], e.Global
		if f.want == nil || f.want(e) {
			return &e, nil
		}
		if f.skip != nil {
			if err := f.skip(ctx, e.Global); err != nil {
				return nil, err
			}
		}
	}
}
