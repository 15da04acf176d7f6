package store_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// eachDB runs benchmarks on both databases.
func eachDB(b *testing.B, bench func(b *testing.B, db *store.DB)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, open(b, sqliteURL(b), store.Options{})) })
	b.Run("postgres", func(b *testing.B) { bench(b, open(b, storetest.PostgresURL(b), store.Options{})) })
}

func sample() *channelDoc {
	return &channelDoc{Name: "somebody", Labels: []string{"one", "two"}, Key: mint.New(arn.StreamKey)}
}

func BenchmarkInsert(b *testing.B) {
	eachDB(b, func(b *testing.B, db *store.DB) {
		c, ctx := channels(db), context.Background()
		b.ReportAllocs()
		defer cpu(b)()
		for b.Loop() {
			if _, err := c.Insert(ctx, mint.New(arn.Channel), sample(), map[string]string{"project": "x"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	one(b, func(ctx context.Context, c *store.Collection[channelDoc], name string) error {
		_, err := c.Get(ctx, name)
		return err
	})
}

func BenchmarkUpdate(b *testing.B) {
	one(b, func(ctx context.Context, c *store.Collection[channelDoc], name string) error {
		_, err := c.Update(ctx, name, func(d *channelDoc) error { d.N++; return nil })
		return err
	})
}

func one(b *testing.B, do func(ctx context.Context, c *store.Collection[channelDoc], name string) error) {
	eachDB(b, func(b *testing.B, db *store.DB) {
		c, ctx, name := channels(db), context.Background(), mint.New(arn.Channel)
		must[*store.Row[channelDoc]](b)(c.Insert(ctx, name, sample(), nil))
		b.ReportAllocs()
		defer cpu(b)()
		for b.Loop() {
			check(b, do(ctx, c, name))
		}
	})
}

func BenchmarkAppendEvent(b *testing.B) {
	eachDB(b, func(b *testing.B, db *store.DB) {
		e := store.Event{DetailType: "IVS Stream State Change", Resources: []string{mint.New(arn.Channel)}, Detail: json.RawMessage(`{"event_name":"Stream Start"}`)}
		b.ReportAllocs()
		defer cpu(b)()
		for b.Loop() {
			check(b, db.AppendEvent(context.Background(), e))
		}
	})
}
