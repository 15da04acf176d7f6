package store_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// names lists all documents page by page, with the cursor going through JSON as it does through a token.
func names(t tester, c *store.Collection[channelDoc], q store.Query) []string {
	t.Helper()
	var out []string
	for {
		rows, next, err := c.List(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > q.Limit || next != nil && len(rows) != q.Limit {
			t.Fatalf("a page of %d with limit %d, next %v", len(rows), q.Limit, next)
		}
		for _, r := range rows {
			out = append(out, r.ARN)
		}
		if next == nil {
			return out
		}
		text, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		q.After = new(store.Cursor)
		if err := json.Unmarshal(text, q.After); err != nil {
			t.Fatal(err)
		}
	}
}

type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func TestListOfNothingIsEmptyAndHasNoNextPage(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		rows, next, err := channels(db).List(t.Context(), store.Query{Limit: 1})
		if err != nil || rows == nil || len(rows) != 0 || next != nil {
			t.Errorf("got %v, %v, %v", rows, next, err)
		}
	})
}

func TestPagesStayStableWhileDocumentsComeAndGo(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, c := t.Context(), channels(db)
		var all []string
		for range 9 {
			all = append(all, must[*store.Row[channelDoc]](t)(c.Insert(ctx, mint.New(arn.Channel), &channelDoc{}, nil)).ARN)
		}
		slices.Reverse(all) // newest first
		first, next, err := c.List(ctx, store.Query{Limit: 3})
		check(t, err)
		check(t, c.Delete(ctx, all[2])) // the one that the cursor names
		check(t, c.Delete(ctx, all[4]))
		must[*store.Row[channelDoc]](t)(c.Insert(ctx, mint.New(arn.Channel), &channelDoc{}, nil))
		must[*store.Row[channelDoc]](t)(c.Update(ctx, all[8], func(d *channelDoc) error { d.N++; return nil }))
		got := []string{first[0].ARN, first[1].ARN, first[2].ARN}
		got = append(got, names(t, c, store.Query{Limit: 3, After: next})...)
		if want := slices.Delete(slices.Clone(all), 4, 5); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A collection does what a map would, whatever is done to it in whatever order.
func TestCollectionBehavesAsASortedMap(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, round := t.Context(), 0
		rapid.Check(t, func(r *rapid.T) {
			round++ // each check has a kind of its own
			c := store.NewCollection(db, arn.Kind(fmt.Sprintf("kind-%d", round)), channelRefs)
			type entry struct {
				name             string
				created, updated int64
				doc              channelDoc
			}
			var model []*entry
			label := rapid.SampledFrom([]string{"x", "y", "z"})
			labels := rapid.SliceOfN(label, 0, 3)
			pick := func(r *rapid.T) *entry {
				if len(model) == 0 {
					r.Skip("nothing there")
				}
				return rapid.SampledFrom(model).Draw(r, "document")
			}
			r.Repeat(map[string]func(*rapid.T){
				"insert": func(r *rapid.T) {
					e := &entry{name: mint.New(arn.Channel), doc: channelDoc{Name: label.Draw(r, "name"), Labels: labels.Draw(r, "labels")}}
					row, err := c.Insert(ctx, e.name, &e.doc, nil)
					if err != nil {
						r.Fatal(err)
					}
					e.created, e.updated = row.Created.UnixMicro(), row.Updated.UnixMicro()
					model = append(model, e)
				},
				"update": func(r *rapid.T) {
					e := pick(r)
					e.doc = channelDoc{Name: label.Draw(r, "name"), Labels: labels.Draw(r, "labels")}
					row, err := c.Update(ctx, e.name, func(d *channelDoc) error { *d = e.doc; return nil })
					if err != nil {
						r.Fatal(err)
					}
					e.updated = row.Updated.UnixMicro()
				},
				"delete": func(r *rapid.T) {
					e := pick(r)
					if err := c.Delete(ctx, e.name); err != nil {
						r.Fatal(err)
					}
					model = slices.DeleteFunc(model, func(x *entry) bool { return x == e })
				},
				"list": func(r *rapid.T) {
					q := store.Query{Limit: rapid.IntRange(1, 4).Draw(r, "limit"), ByUpdate: rapid.Bool().Draw(r, "by update")}
					for _, l := range labels.Draw(r, "filter") {
						q.Refs = append(q.Refs, store.Ref{Name: "label", Value: l})
					}
					if rapid.Bool().Draw(r, "by name") {
						q.Refs = append(q.Refs, store.Ref{Name: "name", Value: "x"})
					}
					var want []string
					slices.SortFunc(model, func(a, b *entry) int {
						if q.ByUpdate {
							return cmp.Compare(b.updated, a.updated)
						}
						return cmp.Compare(b.created, a.created)
					})
					for _, e := range model {
						has := channelRefs(&e.doc)
						if !slices.ContainsFunc(q.Refs, func(f store.Ref) bool { return !slices.Contains(has, f) }) {
							want = append(want, e.name)
						}
					}
					if got := names(r, c, q); !slices.Equal(got, want) {
						r.Fatalf("%+v: got %v, want %v", q, got, want)
					}
					if n, err := c.Count(ctx, q.Refs...); err != nil || n != len(want) {
						r.Fatalf("%+v: counted %d, %v, want %d", q, n, err, len(want))
					}
				},
			})
		})
	})
}
