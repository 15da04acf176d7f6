package hook

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

// Kinds of delivery: the lanes of a webhook.
const (
	live       = "live"
	replay     = "replay"
	deadLetter = "dead-letter"
)

// skipNote is how often at most it is written down that events were passed over.
const skipNote = time.Second

// worker tells one webhook as it is set up now; another setting makes another worker.
type worker struct {
	h        *Webhooks
	hook     store.Webhook
	key, old []byte // old: nil without a rotation

	follower *follower
	replays  *replays
	letters  *letters
	lanes    []*lane

	wake   chan struct{} // holds a token while there is something to look for
	cancel context.CancelFunc
	done   chan struct{}

	skipped   int64 // number up to which events were passed over and that is not written down; 0: none
	skippedAt time.Time
}

// start begins to tell a webhook, until ctx or the worker ends.
func (h *Webhooks) start(ctx context.Context, hook store.Webhook) (*worker, error) {
	w := &worker{h: h, hook: hook, wake: make(chan struct{}, 1), done: make(chan struct{})}
	var err error
	if w.key, w.old, err = h.keys(hook); err != nil {
		return nil, err
	}
	failures, err := h.d.DB.WebhookFailures(ctx, hook.ID)
	if err != nil {
		return nil, err
	}
	w.follower = &follower{
		db:    h.d.DB,
		begin: func(ctx context.Context) (int64, error) { return h.d.DB.EventCursor(ctx, hook.Consumer()) },
		want:  func(e store.Event) bool { return wanted(e, hook.DetailTypes, hook.Resources) },
		skip:  w.skip,
		missed: func(n int64) {
			w.h.d.Log.Warn("webhooks: events past retention were never told", "webhook", hook.ID, "events", n)
		},
	}
	w.replays, w.letters = &replays{w: w}, &letters{w: w}
	w.lanes = []*lane{w.lane(live, w.follower), w.lane(replay, w.replays), w.lane(deadLetter, w.letters)}
	for _, f := range failures {
		for _, l := range w.lanes {
			if l.name == f.Lane {
				l.resume = map[int64]store.WebhookFailure{f.Global: f}
			}
		}
	}
	w.lanes[0].taken = func(ctx context.Context, e store.Event) error { return w.advance(ctx, e.Global) }
	w.lanes[1].taken = w.replays.taken
	w.lanes[2].taken = w.letters.taken
	w.lookEverywhere()
	ctx, w.cancel = context.WithCancel(ctx)
	go w.run(ctx)
	return w, nil
}

// lane makes one of the three. What is taken is noted by what taken is set to; the same follows what is
// given up, but for dead letters, which stay.
func (w *worker) lane(name string, from source) *lane {
	db, id := w.h.d.DB, w.hook.ID
	l := &lane{
		name: name, source: from,
		tries: w.h.d.Tries, try: w.h.d.Try, minWait: w.h.d.MinWait, maxWait: w.h.d.MaxWait,
		delivered: w.h.delivered.WithLabelValues(id), failed: w.h.failed.WithLabelValues(id), refused: w.h.dead.WithLabelValues(id),
		log: w.h.d.Log.With("webhook", id, "lane", name),
	}
	l.offer = func(ctx context.Context, e store.Event) error { return w.offer(ctx, l, e) }
	l.held = func(ctx context.Context, e store.Event, tries int, since time.Time, err error) error {
		return db.PutWebhookFailure(ctx, store.WebhookFailure{WebhookID: id, Lane: name, Global: e.Global, Tries: tries, Since: since, Error: err.Error()})
	}
	l.free = func(ctx context.Context) error { return db.ClearWebhookFailure(ctx, id, name) }
	l.dead = func(ctx context.Context, e store.Event, tries int, err error) error {
		return db.Tx(ctx, func(ctx context.Context) error {
			if err := db.BuryEvent(ctx, id, e.Global, tries, err.Error()); err != nil || name == deadLetter {
				return err
			}
			return l.taken(ctx, e)
		})
	}
	return l
}

func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	defer w.noteSkipped(context.WithoutCancel(ctx))
	defer w.h.lag.DeleteLabelValues(w.hook.ID) // nobody waits for what is not told
	lag := w.h.lag.WithLabelValues(w.hook.ID)
	for {
		due := drive(ctx, w.lanes...)
		if head := w.lanes[0].head; head != nil {
			lag.Set(time.Since(head.Time).Seconds())
		} else {
			lag.Set(0)
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-w.wake:
		}
	}
}

// end stops the worker and waits for it.
func (w *worker) end() {
	w.cancel()
	<-w.done
}

// lookEverywhere lets the worker look for replays and dead letters, too, not only for new events.
func (w *worker) lookEverywhere() {
	w.replays.look.Store(true)
	w.letters.look.Store(true)
	poke(w.wake)
}

func (w *worker) offer(ctx context.Context, l *lane, e store.Event) error {
	envelope, err := Envelope(e, w.h.d.Account, w.h.d.Region)
	if err != nil {
		return err
	}
	mark := http.Header{}
	switch l.name {
	case live:
		w.h.lag.WithLabelValues(w.hook.ID).Set(time.Since(e.Time).Seconds())
	case replay:
		mark.Set("Streamcat-Replay", w.replays.job.ID)
	case deadLetter:
		mark.Set("Streamcat-Replay", deadLetter)
	}
	began := time.Now()
	got, err := post(ctx, w.h.client, w.hook.URL, w.signingKeys(began), e, envelope, mark)
	if err == nil {
		err = got.verdict()
	}
	d := Delivery{Time: began, Took: time.Since(began), EventID: e.ID, Sequence: e.Seq, Kind: l.name, Status: got.status}
	if err != nil {
		d.Error = err.Error()
	}
	w.h.remember(w.hook.ID, d)
	if got.status == http.StatusGone && w.disable(ctx) {
		return context.Canceled
	}
	return err
}

func (w *worker) signingKeys(now time.Time) [][]byte {
	if w.old != nil && now.Before(w.hook.OldUntil) {
		return [][]byte{w.key, w.old}
	}
	return [][]byte{w.key}
}

// disable turns the webhook off, and ends this worker, because its receiver wants no more. It says whether
// it could.
func (w *worker) disable(ctx context.Context) bool {
	_, err := w.h.d.DB.UpdateWebhook(ctx, w.hook.ID, func(hook *store.Webhook) error {
		if hook.Version == w.hook.Version { // not if somebody has set it anew meanwhile
			hook.Enabled, hook.Reason = false, "the receiver answered 410 Gone"
		}
		return nil
	})
	if err != nil {
		return false
	}
	w.h.d.Log.Warn("webhooks: disabled, the receiver is gone for good", "webhook", w.hook.ID)
	w.cancel()
	poke(w.h.changes)
	return true
}

func (w *worker) advance(ctx context.Context, global int64) error {
	w.skipped = 0
	return w.h.d.DB.AdvanceEventCursor(ctx, w.hook.ID, global)
}

// skip notes that an event is not for this webhook: in the database at most once in a while.
func (w *worker) skip(ctx context.Context, global int64) error {
	if w.skipped = global; time.Since(w.skippedAt) < skipNote {
		return nil
	}
	w.skippedAt = time.Now()
	return w.advance(ctx, global)
}

func (w *worker) noteSkipped(ctx context.Context) {
	if w.skipped == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := w.advance(ctx, w.skipped); err != nil {
		w.h.d.Log.Warn("webhooks: events that are not for it will be looked at again", "webhook", w.hook.ID, "err", err)
	}
}

// maxPassed is how many events a replay passes over before the other lanes have a turn.
const maxPassed = 500

// replays gives the past events that somebody asked for.
type replays struct {
	w     *worker
	look  atomic.Bool          // there may be a replay; false: none, unless somebody asks for one
	job   *store.WebhookReplay // nil: none is under way
	ahead []store.Event
}

func (r *replays) reset() { r.job, r.ahead = nil, nil; r.look.Store(true) }

func (r *replays) next(ctx context.Context) (*store.Event, error) {
	db := r.w.h.d.DB
	for passed := 0; ; passed++ {
		if passed == maxPassed { // it is the others' turn
			poke(r.w.wake)
			return nil, db.AdvanceReplay(ctx, r.job.ID, r.job.Told)
		}
		if r.job == nil {
			if !r.look.Swap(false) {
				return nil, nil
			}
			jobs, err := db.Replays(ctx, r.w.hook.ID)
			if err != nil || len(jobs) == 0 {
				return nil, err
			}
			r.job = &jobs[0]
		}
		if len(r.ahead) == 0 {
			var err error
			if r.ahead, err = db.ReplayEvents(ctx, *r.job, batch); err != nil {
				return nil, err
			}
		}
		if len(r.ahead) == 0 {
			if err := db.EndReplay(ctx, r.job.ID); err != nil {
				return nil, err
			}
			r.reset()
			continue
		}
		e := r.ahead[0]
		r.ahead, r.job.Told = r.ahead[1:], e.Global
		if wanted(e, r.w.hook.DetailTypes, r.w.hook.Resources) && wanted(e, r.job.DetailTypes, r.job.Resources) {
			return &e, nil
		}
	}
}

func (r *replays) taken(ctx context.Context, e store.Event) error {
	return r.w.h.d.DB.AdvanceReplay(ctx, r.job.ID, e.Global)
}

// letters gives the dead letters that somebody asked for.
type letters struct {
	w    *worker
	look atomic.Bool
}

func (l *letters) reset() { l.look.Store(true) }

func (l *letters) next(ctx context.Context) (*store.Event, error) {
	if !l.look.Swap(false) {
		return nil, nil
	}
	letter, ok, err := l.w.h.d.DB.NextDeadLetter(ctx, l.w.hook.ID)
	if err != nil || !ok {
		return nil, err
	}
	l.look.Store(true) // after this one there may be another
	return &letter.Event, nil
}

func (l *letters) taken(ctx context.Context, e store.Event) error {
	return l.w.h.d.DB.DropDeadLetter(ctx, l.w.hook.ID, e.Global)
}
