package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestWhatIsHeldStaysUntilTheTransactionEnds(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		a, b := mint.New(arn.Channel), mint.New(arn.Channel)
		for _, name := range []string{a, b} {
			must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{}, nil))
		}
		deleted := make(chan error, 1)
		check(t, db.Tx(ctx, func(tx context.Context) error {
			if err := db.Hold(tx, b, a, b); err != nil {
				return err
			}
			go func() { deleted <- c.Delete(ctx, a) }()
			_, err := c.Update(tx, a, func(d *channelDoc) error { d.Name = "held"; return nil })
			return err
		}))
		check(t, <-deleted)
		check(t, db.Tx(ctx, func(tx context.Context) error {
			wantKind(t, db.Hold(tx, b, a), fault.NotFound)
			return nil
		}))
	})
}

func TestQuotaOfARefCountsThoseThatHaveIt(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		for _, name := range []string{"one", "two", "two"} {
			must[*store.Row[channelDoc]](t)(c.Insert(ctx, mint.New(arn.Channel), &channelDoc{Name: name}, nil))
		}
		check(t, db.Tx(ctx, func(tx context.Context) error {
			check(t, db.WithinQuotaOf(tx, arn.Channel, 2, store.Ref{Name: "name", Value: "one"}))
			check(t, db.WithinQuotaOf(tx, arn.Channel, 0, store.Ref{Name: "name", Value: "two"}))
			wantKind(t, db.WithinQuotaOf(tx, arn.Channel, 2, store.Ref{Name: "name", Value: "two"}), fault.Quota)
			return nil
		}))
	})
}

// A document that is held cannot be deleted before what is written about it is there to be seen.
func TestHeldDocumentIsNotDeletedMeanwhile(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		name := mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{Name: "held"}, nil))
		deleted := make(chan error, 1)
		inUse := errors.New("in use")
		check(t, db.Tx(ctx, func(tx context.Context) error {
			if err := db.Hold(tx, name); err != nil {
				return err
			}
			go func() {
				deleted <- db.Tx(ctx, func(tx context.Context) error {
					if err := db.Hold(tx, name); err != nil {
						return err
					}
					if n, err := c.Count(tx, store.Ref{Name: "label", Value: name}); n > 0 || err != nil {
						return errors.Join(inUse, err)
					}
					return c.Delete(tx, name)
				})
			}()
			_, err := c.Insert(tx, mint.New(arn.Channel), &channelDoc{Labels: []string{name}, Key: "k"}, nil)
			return err
		}))
		if err := <-deleted; !errors.Is(err, inUse) {
			t.Errorf("deleted: %v", err)
		}
	})
}
