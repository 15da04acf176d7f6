package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestDocumentComesBackAsItWentIn(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c, name := channels(db), mint.New(arn.Channel)
		doc := channelDoc{Name: "Ü \x00 \"quoted\"", Key: "k", Labels: []string{"a", "b", "a"}, N: 7}
		in := must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &doc, map[string]string{"project": "x"}))
		out := must[*store.Row[channelDoc]](t)(c.Get(t.Context(), name))
		if diff := cmp.Diff(in, out); diff != "" {
			t.Errorf("inserted (-) and read (+) differ:\n%s", diff)
		}
		if in.Version != 1 || !in.Created.Equal(in.Updated) || in.Created.IsZero() {
			t.Errorf("new row: %+v", in)
		}
		tags := must[map[string]map[string]string](t)(db.Tags(t.Context(), name))
		if tags[name]["project"] != "x" {
			t.Errorf("tags: %v", tags)
		}
	})
}

func TestAbsentDocumentIsNotFound(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c, name := channels(db), mint.Of(arn.Channel, "abc")
		_, err := c.Get(t.Context(), name)
		f := fault.As(err)
		if f == nil || f.Kind != fault.NotFound || f.ResourceID != "abc" || f.ResourceType != "CHANNEL" {
			t.Fatalf("got %#v", err)
		}
		if want := "channel " + name + " does not exist"; f.Message != want {
			t.Errorf("message: got %q, want %q", f.Message, want)
		}
		_, err = c.Update(t.Context(), name, func(*channelDoc) error { return nil })
		wantKind(t, err, fault.NotFound)
		wantKind(t, c.Delete(t.Context(), name), fault.NotFound)
		_, err = c.Find(t.Context(), store.Ref{Name: "key", Value: "secret-digest"})
		wantKind(t, err, fault.NotFound)
		if strings.Contains(fault.Message(err), "secret-digest") {
			t.Errorf("the message repeats the value: %q", fault.Message(err))
		}
		if ok := must[bool](t)(db.ResourceExists(t.Context(), name)); ok {
			t.Error("it exists")
		}
	})
}

func TestAnotherKindsDocumentIsNotFound(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		name := mint.New(arn.Room)
		rooms := store.NewCollection[channelDoc](db, arn.Room, nil)
		must[*store.Row[channelDoc]](t)(rooms.Insert(t.Context(), name, &channelDoc{}, nil))
		_, err := channels(db).Get(t.Context(), name)
		wantKind(t, err, fault.NotFound)
		wantKind(t, channels(db).Delete(t.Context(), name), fault.NotFound)
	})
}

func TestUniqueRefBelongsToOne(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		first, second := mint.New(arn.Channel), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, first, &channelDoc{Name: "same", Key: "k1"}, nil))
		_, err := c.Insert(ctx, second, &channelDoc{Name: "same", Key: "k1"}, nil)
		wantKind(t, err, fault.Conflict)
		if _, err := c.Get(ctx, second); fault.Of(err) != fault.NotFound {
			t.Fatalf("the refused document is half there: %v", err)
		}
		_, err = c.Insert(ctx, first, &channelDoc{Name: "x"}, nil)
		wantKind(t, err, fault.Conflict)

		must[*store.Row[channelDoc]](t)(c.Insert(ctx, second, &channelDoc{Name: "same", Key: "k2"}, nil))
		_, err = c.Update(ctx, second, func(d *channelDoc) error { d.Key, d.N = "k1", 9; return nil })
		wantKind(t, err, fault.Conflict)
		got := must[*store.Row[channelDoc]](t)(c.Find(ctx, store.Ref{Name: "key", Value: "k2"}))
		if got.ARN != second || got.Version != 1 || got.Doc.N != 0 {
			t.Errorf("the refused update is half there: %+v", got)
		}
		check(t, c.Delete(ctx, first))
		must[*store.Row[channelDoc]](t)(c.Update(ctx, second, func(d *channelDoc) error { d.Key = "k1"; return nil }))
		if got := must[*store.Row[channelDoc]](t)(c.Find(ctx, store.Ref{Name: "key", Value: "k1"})); got.ARN != second {
			t.Errorf("found %s, want %s", got.ARN, second)
		}
		_, err = c.Find(ctx, store.Ref{Name: "key", Value: "k2"})
		wantKind(t, err, fault.NotFound)
	})
}

func TestRefusedInsertInsideATransactionLeavesTheRestStanding(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c := channels(db)
		first, second, third := mint.New(arn.Channel), mint.New(arn.Channel), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), first, &channelDoc{Key: "k"}, nil))
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			_, err := c.Insert(ctx, second, &channelDoc{Key: "k"}, nil)
			wantKind(t, err, fault.Conflict)
			_, err = c.Insert(ctx, third, &channelDoc{Key: "k3"}, nil)
			return err
		}))
		got := must[map[string]*store.Row[channelDoc]](t)(c.GetMany(t.Context(), []string{first, second, third}))
		if len(got) != 2 || got[second] != nil {
			t.Errorf("got %d documents, the refused one: %+v", len(got), got[second])
		}
	})
}

func TestUpdateThatRefusesChangesNothing(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c, name := channels(db), mint.New(arn.Channel)
		was := must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &channelDoc{Name: "a"}, nil))
		refusal := errors.New("not now")
		_, err := c.Update(t.Context(), name, func(d *channelDoc) error { d.Name = "b"; return refusal })
		if err != refusal {
			t.Errorf("error: got %v", err)
		}
		if diff := cmp.Diff(was, must[*store.Row[channelDoc]](t)(c.Get(t.Context(), name))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUpdateCountsVersionsAndMovesTheTime(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c, name := channels(db), mint.New(arn.Channel)
		was := must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &channelDoc{Name: "a"}, nil))
		for range 2 {
			now := must[*store.Row[channelDoc]](t)(c.Update(t.Context(), name, func(d *channelDoc) error { d.N++; return nil }))
			if now.Version != was.Version+1 || !now.Updated.After(was.Updated) || !now.Created.Equal(was.Created) {
				t.Errorf("%+v after %+v", now, was)
			}
			if diff := cmp.Diff(now, must[*store.Row[channelDoc]](t)(c.Get(t.Context(), name))); diff != "" {
				t.Error(diff)
			}
			was = now
		}
	})
}

func TestFiftyWritersOnOneDocumentLoseNothing(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const writers, each = 50, 4
		c, name := channels(db), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &channelDoc{Name: "n0"}, nil))
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for range each {
					_, err := c.Update(t.Context(), name, func(d *channelDoc) error {
						d.N++
						d.Name = fmt.Sprintf("n%d", w) // the refs change too
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		row := must[*store.Row[channelDoc]](t)(c.Get(t.Context(), name))
		if row.Doc.N != writers*each || row.Version != writers*each+1 {
			t.Errorf("counted %d at version %d, want %d", row.Doc.N, row.Version, writers*each)
		}
		if n := must[int](t)(c.Count(t.Context(), store.Ref{Name: "name", Value: row.Doc.Name})); n != 1 {
			t.Errorf("found by its name %d times", n)
		}
	})
}

func TestDeleteTakesRefsAndTagsAlong(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c, name := t.Context(), channels(db), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{Name: "a", Key: "k"}, map[string]string{"a": "b"}))
		check(t, c.Delete(ctx, name))
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{Name: "b"}, nil))
		if tags := must[map[string]map[string]string](t)(db.Tags(ctx, name)); len(tags[name]) != 0 {
			t.Errorf("tags: %v", tags)
		}
		if n := must[int](t)(c.Count(ctx, store.Ref{Name: "name", Value: "a"})); n != 0 {
			t.Errorf("%d documents found by a ref that is gone", n)
		}
	})
}

func TestGetManyLeavesOutTheAbsent(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c := channels(db)
		var names []string
		for i := range 250 {
			names = append(names, mint.New(arn.Channel))
			if i%2 == 0 {
				must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), names[i], &channelDoc{N: i}, nil))
			}
		}
		got := must[map[string]*store.Row[channelDoc]](t)(c.GetMany(t.Context(), names))
		for i, name := range names {
			if row := got[name]; (i%2 == 0) != (row != nil) || row != nil && row.Doc.N != i {
				t.Fatalf("document %d: %+v", i, row)
			}
		}
		if got := must[map[string]*store.Row[channelDoc]](t)(c.GetMany(t.Context(), nil)); len(got) != 0 {
			t.Errorf("asked for nothing, got %v", got)
		}
	})
}

func TestLongAndOddRefsAreFound(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		c := channels(db)
		for i, value := range []string{strings.Repeat("x", 5000), "nul \x00 inside", "", "ünï%_'\"", "🐈"} {
			name := mint.New(arn.Channel)
			must[*store.Row[channelDoc]](t)(c.Insert(t.Context(), name, &channelDoc{Name: value, N: i}, nil))
			if got := must[*store.Row[channelDoc]](t)(c.Find(t.Context(), store.Ref{Name: "name", Value: value})); got.ARN != name {
				t.Errorf("%.20q: found %s, want %s", value, got.ARN, name)
			}
		}
	})
}

func TestLockedDocumentStaysUntilTheTransactionEnds(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c, name := t.Context(), channels(db), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, name, &channelDoc{Name: "a"}, nil))
		deleted := make(chan error, 1)
		check(t, db.Tx(ctx, func(tx context.Context) error {
			if _, err := c.Lock(tx, name); err != nil {
				return err
			}
			go func() { deleted <- c.Delete(ctx, name) }()
			_, err := c.Update(tx, name, func(d *channelDoc) error { d.Name = "b"; return nil })
			if err != nil {
				return err
			}
			_, err = c.Get(tx, name)
			return err
		}))
		check(t, <-deleted)
		check(t, db.Tx(ctx, func(tx context.Context) error {
			_, err := c.Lock(tx, name)
			wantKind(t, err, fault.NotFound)
			return nil
		}))
	})
}
