package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// enough is how many rows make a database walk an index, and half of a tenth of them more than a page: PostgreSQL walks
// what is small as a whole.
func enough(t *testing.T) int {
	if strings.HasSuffix(t.Name(), "/postgres") {
		return 20_000
	}
	return 3_000
}

// A page is one walk along one index, from where the last page ended: nothing is sorted and nothing else
// is looked through. So it costs over 100,000 documents what it costs over 1,000: BenchmarkList.
func TestPageIsOneWalkAlongOneIndex(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		size := enough(t)
		check(t, store.Fill(ctx, c, size))
		name, label := store.Ref{Name: "name", Value: "rare"}, store.Ref{Name: "label", Value: "all"}
		for _, q := range []struct {
			name, index string
			query       store.Query
		}{
			{"all by creation", "resources_by_creation", store.Query{}},
			{"all by update", "resources_by_update", store.Query{ByUpdate: true}},
			{"by a ref", "refs_by_creation", store.Query{Refs: []store.Ref{name}}},
			{"by a ref that all have", "refs_by_creation", store.Query{Refs: []store.Ref{label}}},
			{"by a ref, by update", "refs_by_update", store.Query{Refs: []store.Ref{label}, ByUpdate: true}},
			{"by two refs", "refs_by_creation", store.Query{Refs: []store.Ref{name, label}}},
		} {
			for _, after := range []*store.Cursor{nil, {Time: int64(size / 2), ARN: fmt.Sprint("channel/", size/2)}} {
				q.query.Limit, q.query.After = 100, after
				plan := must[string](t)(store.PlanOfList(ctx, c, q.query))
				if !strings.Contains(plan, q.index) {
					t.Errorf("%s: %s is not walked:\n%s", q.name, q.index, plan)
				}
				for _, bad := range []string{"SCAN", "TEMP B-TREE", "Sort", "Seq Scan", "Bitmap", "Hash"} {
					if strings.Contains(plan, bad) {
						t.Errorf("%s: the plan has a %q:\n%s", q.name, bad, plan)
					}
				}
			}
			rows, next, err := c.List(ctx, q.query)
			if err != nil || len(rows) != 100 || next == nil {
				t.Errorf("%s: %d documents, next %v, %v", q.name, len(rows), next, err)
			}
		}
	})
}

func BenchmarkList(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1k", 1_000}, {"100k", 100_000}} {
		eachDB(b, func(b *testing.B, db *store.DB) {
			c := store.NewCollection(db, arn.Channel, channelRefs, "key")
			check(b, store.Fill(context.Background(), c, size.n))
			middle := &store.Cursor{Time: int64(size.n / 2), ARN: "x"}
			for _, q := range []struct {
				name  string
				query store.Query
			}{
				{"all", store.Query{After: middle}},
				{"ref", store.Query{After: middle, Refs: []store.Ref{{Name: "label", Value: "all"}}}},
			} {
				b.Run(size.name+"/"+q.name, func(b *testing.B) {
					q.query.Limit = 50
					b.ReportAllocs()
					defer cpu(b)()
					for b.Loop() {
						rows, _, err := c.List(context.Background(), q.query)
						if err != nil || len(rows) != 50 {
							b.Fatal(len(rows), err)
						}
					}
				})
			}
		})
	}
}
