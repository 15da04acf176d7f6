package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestTransactionIsAllOrNothing(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c, name := t.Context(), channels(db), mint.New(arn.Channel)
		failure := errors.New("changed my mind")
		work := func(ctx context.Context) error {
			if _, err := c.Insert(ctx, name, &channelDoc{Name: "a"}, nil); err != nil {
				return err
			}
			if _, err := c.Get(ctx, name); err != nil { // it sees its own work
				return err
			}
			if err := db.PutSetting(ctx, "s", []byte("v")); err != nil {
				return err
			}
			return db.AppendEvent(ctx, store.Event{DetailType: "x", Resources: []string{name}, Detail: json.RawMessage(`{}`)})
		}
		if err := db.Tx(ctx, func(ctx context.Context) error {
			check(t, work(ctx))
			return failure
		}); err != failure {
			t.Fatalf("error: got %v", err)
		}
		if _, err := c.Get(ctx, name); fault.Of(err) != fault.NotFound {
			t.Errorf("the document is there: %v", err)
		}
		if _, ok, _ := db.Setting(ctx, "s"); ok {
			t.Error("the setting is there")
		}
		if events := must[[]store.Event](t)(db.Events(ctx, 0, 10)); len(events) != 0 {
			t.Errorf("an event is there: %+v", events)
		}
		check(t, db.Tx(ctx, work))
		if events := must[[]store.Event](t)(db.Events(ctx, 0, 10)); len(events) != 1 || events[0].Global != 1 || events[0].Seq != 1 {
			t.Errorf("events: %+v", events)
		}
	})
}

func TestInnerTransactionFailsAlone(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		say := func(ctx context.Context, what string) {
			t.Helper()
			check(t, db.PutSetting(ctx, what, []byte("said")))
			check(t, db.AppendEvent(ctx, store.Event{DetailType: what, Detail: json.RawMessage(`{}`)}))
		}
		failure := errors.New("inner")
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			say(ctx, "before")
			err := db.Tx(ctx, func(ctx context.Context) error {
				say(ctx, "inside")
				return db.Tx(ctx, func(ctx context.Context) error { say(ctx, "deeper"); return failure })
			})
			if err != failure {
				t.Errorf("error: got %v", err)
			}
			check(t, db.Tx(ctx, func(ctx context.Context) error { say(ctx, "again"); return nil }))
			return nil
		}))
		for what, want := range map[string]bool{"before": true, "inside": false, "deeper": false, "again": true} {
			if _, got, err := db.Setting(t.Context(), what); err != nil || got != want {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
		events := must[[]store.Event](t)(db.Events(t.Context(), 0, 10))
		if len(events) != 2 || events[0].DetailType != "before" || events[1].DetailType != "again" || events[1].Seq != 2 {
			t.Errorf("events: %+v", events)
		}
	})
}

func TestPanicInsideRollsBackAndLeavesTheDatabaseUsable(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Tx(t.Context(), func(ctx context.Context) error {
				check(t, db.PutSetting(ctx, "s", nil))
				panic("broken invariant")
			})
		}()
		if _, ok, err := db.Setting(t.Context(), "s"); ok || err != nil {
			t.Errorf("the setting: %v, %v", ok, err)
		}
		check(t, db.PutSetting(t.Context(), "s", []byte("x")))
	})
}

func TestCancelledTransactionRollsBackAndLeavesTheDatabaseUsable(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		for i := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			err := db.Tx(ctx, func(ctx context.Context) error {
				if err := db.PutSetting(ctx, "s", []byte("x")); err != nil {
					return err
				}
				cancel()
				return db.PutSetting(ctx, "t", []byte("x"))
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error: got %v", err)
			}
			if _, ok, err := db.Setting(t.Context(), "s"); ok || err != nil {
				t.Fatalf("the setting: %v, %v", ok, err)
			}
			check(t, db.PutSetting(t.Context(), fmt.Sprint(i), nil))
		}
	})
}

// Two transactions take two documents in opposite order: on PostgreSQL one of them is chosen as the
// victim of a deadlock, and is run again.
func TestTransactionsThatCrossAreRepeated(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c := channels(db)
		a, b := mint.New(arn.Channel), mint.New(arn.Channel)
		for _, name := range []string{a, b} {
			must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &channelDoc{}, nil))
		}
		const rounds = 10
		count := func(d *channelDoc) error { d.N++; return nil }
		var wg sync.WaitGroup
		for _, order := range [][2]string{{a, b}, {b, a}} {
			wg.Go(func() {
				for range rounds {
					err := db.Tx(t.Context(), func(ctx context.Context) error {
						if _, err := c.Update(ctx, order[0], count); err != nil {
							return err
						}
						_, err := c.Update(ctx, order[1], count)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for name, row := range must[map[string]*store.Row[channelDoc]](t)(c.GetMany(t.Context(), []string{a, b})) {
			if row.Doc.N != 2*rounds {
				t.Errorf("%s: counted %d, want %d", name, row.Doc.N, 2*rounds)
			}
		}
	})
}

func TestReadersDoNotWaitForAWriter(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		check(t, db.PutSetting(t.Context(), "s", []byte("old")))
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			check(t, db.PutSetting(ctx, "s", []byte("new")))
			outside, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if v, _, err := db.Setting(outside, "s"); err != nil || string(v) != "old" {
				t.Errorf("outside: %q, %v", v, err)
			}
			if v, _, err := db.Setting(ctx, "s"); err != nil || string(v) != "new" {
				t.Errorf("inside: %q, %v", v, err)
			}
			return nil
		}))
	})
}
