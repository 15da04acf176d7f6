package store_test

import (
	"context"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func openPostgres(t *testing.T) (*store.DB, string) {
	t.Helper()
	url := storetest.PostgresURL(t)
	return open(t, url, store.Options{}), url
}

// Two that hold the same resources wait for each other in one order, whichever they name first.
func TestHoldsDoNotDeadlock(t *testing.T) {
	db, url := openPostgres(t)
	ctx, c := t.Context(), channels(db)
	low, high := mint.Of(arn.Channel, "a"), mint.Of(arn.Channel, "b")
	for _, name := range []string{low, high} {
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{}, nil))
	}
	runs, second := 0, make(chan error, 1)
	check(t, db.Tx(ctx, func(tx context.Context) error {
		if runs++; runs > 1 {
			return db.Hold(tx, low, high)
		}
		if err := db.Hold(tx, low); err != nil {
			return err
		}
		go func() {
			again := 0
			second <- db.Tx(ctx, func(tx context.Context) error {
				if again++; again > 1 {
					t.Error("the second one was repeated")
				}
				return db.Hold(tx, high, low)
			})
		}()
		storetest.AwaitLock(t, url, nil)
		return db.Hold(tx, high)
	}))
	check(t, <-second)
	if runs != 1 {
		t.Errorf("the first one ran %d times", runs)
	}
}

// Who asks whether there may be one more waits for whoever asked before.
func TestQuotaIsAskedForByOneAtATime(t *testing.T) {
	db, url := openPostgres(t)
	ctx, c := t.Context(), channels(db)
	insert := func(ctx context.Context) error {
		_, err := c.InsertWithin(ctx, 1, mint.New(arn.Channel), &channelDoc{}, nil)
		return err
	}
	second := make(chan error, 1)
	check(t, db.Tx(ctx, func(tx context.Context) error {
		if err := insert(tx); err != nil {
			return err
		}
		past := make(chan struct{})
		go func() {
			second <- insert(ctx)
			close(past)
		}()
		if !storetest.AwaitLock(t, url, past) {
			t.Error("the second one did not wait")
		}
		return nil
	}))
	wantKind(t, <-second, fault.Quota)
}
