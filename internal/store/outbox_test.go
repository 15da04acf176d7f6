package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func tell(t testing.TB, db *store.DB, at time.Time, resources ...string) {
	t.Helper()
	check(t, db.AppendEvent(context.Background(), store.Event{DetailType: "T", Resources: resources, Time: at, Detail: json.RawMessage(`{"a": 1}`)}))
}

func TestEventsAreNumberedPerResourceAndOverAll(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
		tell(t, db, at, "a")
		tell(t, db, at, "b", "a")
		tell(t, db, at)
		tell(t, db, at, "a")
		got := must[[]store.Event](t)(db.Events(t.Context(), 0, 10))
		event := func(global, seq int64, resources ...string) store.Event {
			return store.Event{Global: global, Seq: seq, DetailType: "T", Resources: resources, Time: at, Detail: json.RawMessage(`{"a": 1}`)}
		}
		want := []store.Event{event(1, 1, "a"), event(2, 1, "b", "a"), event(3, 1), event(4, 2, "a")}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Event{}, "ID"), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		ids := map[string]bool{}
		for _, e := range got {
			ids[e.ID] = true
		}
		if len(ids) != 4 || ids[""] {
			t.Errorf("ids: %v", ids)
		}
		if got := must[[]store.Event](t)(db.Events(t.Context(), 1, 2)); len(got) != 2 || got[0].Global != 2 || got[1].Global != 3 {
			t.Errorf("a page: %+v", got)
		}
	})
}

// Transactions that tell events commit at random moments while a reader follows: it must meet every
// number, in turn, and the numbers of each resource in turn, too. On PostgreSQL a plain sequence fails
// here: number n+1 may be committed before n.
func TestReaderNeverMissesAnEventThatCommitsLate(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const writers, each = 8, 12
		ctx := t.Context()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := db.Tx(ctx, func(ctx context.Context) error {
						for range 1 + (w+i)%3 {
							resource := string(rune('a' + rand.IntN(3)))
							if err := db.AppendEvent(ctx, store.Event{DetailType: "T", Resources: []string{resource}, Detail: json.RawMessage(`{}`)}); err != nil {
								return err
							}
						}
						return db.PutSetting(ctx, fmt.Sprint(w), []byte(fmt.Sprint(i)))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		var last int64
		seq := map[string]int64{}
		for over := false; ; {
			events := must[[]store.Event](t)(db.Events(ctx, last, 7))
			for _, e := range events {
				if e.Global != last+1 {
					t.Fatalf("number %d after %d", e.Global, last)
				}
				if r := e.Resources[0]; e.Seq != seq[r]+1 {
					t.Fatalf("resource %s: number %d after %d", r, e.Seq, seq[r])
				}
				last++
				seq[e.Resources[0]]++
			}
			if len(events) == 0 {
				if over {
					break
				}
				select {
				case <-done: // and once more, for what came with the last commit
					over = true
				default:
				}
			}
		}
		if want := int64(writers * each * 2); last != want {
			t.Errorf("%d events, want %d", last, want)
		}
	})
}

func TestEventThatIsNotJSONIsRefused(t *testing.T) {
	db := open(t, sqliteURL(t), store.Options{})
	for _, detail := range []string{"", "{", "nope"} {
		if err := db.AppendEvent(t.Context(), store.Event{DetailType: "T", Detail: json.RawMessage(detail)}); err == nil {
			t.Errorf("%q was taken", detail)
		}
	}
}

func TestCursorsAreKeptPerConsumer(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		for consumer, n := range map[string]int64{"a": 7, "b": 9} {
			if got := must[int64](t)(db.EventCursor(t.Context(), consumer)); got != 0 {
				t.Errorf("%s: new, and at %d", consumer, got)
			}
			check(t, db.SetEventCursor(t.Context(), consumer, 100))
			check(t, db.SetEventCursor(t.Context(), consumer, n)) // back, for a replay
		}
		for consumer, n := range map[string]int64{"a": 7, "b": 9} {
			if got := must[int64](t)(db.EventCursor(t.Context(), consumer)); got != n {
				t.Errorf("%s: at %d, want %d", consumer, got, n)
			}
		}
	})
}

func TestTrimRemovesOldEventsThatAllConsumersHaveHandled(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, day := t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		exists := must[*store.Row[channelDoc]](t)(channels(db).Insert(ctx, mint.New(arn.Channel), &channelDoc{}, nil)).ARN
		for i := range 4 {
			tell(t, db, day.AddDate(0, 0, i), exists)
		}
		tell(t, db, day, "gone")
		check(t, db.SetEventCursor(ctx, "fast", 5))
		check(t, db.SetEventCursor(ctx, "slow", 2))
		left := func(want ...int64) {
			t.Helper()
			var got []int64
			for _, e := range must[[]store.Event](t)(db.Events(ctx, 0, 10)) {
				got = append(got, e.Global)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("left:\n%s", diff)
			}
		}
		if n := must[int](t)(db.TrimEvents(ctx, day.AddDate(0, 0, 3))); n != 2 {
			t.Errorf("trimmed %d", n)
		}
		left(3, 4, 5)
		check(t, db.ForgetEventCursor(ctx, "slow"))
		must[int](t)(db.TrimEvents(ctx, day.AddDate(0, 0, 3)))
		left(4)
		tell(t, db, day, exists)
		tell(t, db, day, "gone")
		events := must[[]store.Event](t)(db.Events(ctx, 5, 10))
		if events[0].Seq != 5 || events[0].Global != 6 {
			t.Errorf("numbers of a resource that exists do not go on: %+v", events[0])
		}
		if events[1].Seq != 1 {
			t.Errorf("numbers of a forgotten resource do not begin anew: %+v", events[1])
		}
	})
}

func TestEventWithAKnownIDIsAConflictAndUndoesItsTransaction(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		e := store.Event{ID: "one", DetailType: "T", Detail: json.RawMessage(`{}`)}
		check(t, db.AppendEvent(t.Context(), e))
		err := db.Tx(t.Context(), func(ctx context.Context) error {
			check(t, db.PutSetting(ctx, "s", nil))
			return db.AppendEvent(ctx, e)
		})
		wantKind(t, err, fault.Conflict)
		if _, ok, _ := db.Setting(t.Context(), "s"); ok {
			t.Error("the rest of the transaction is there")
		}
		tell(t, db, time.Time{})
		if events := must[[]store.Event](t)(db.Events(t.Context(), 0, 10)); len(events) != 2 || events[1].Global != 2 {
			t.Errorf("events: %+v", events)
		}
	})
}
