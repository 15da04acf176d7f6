package ivs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
)

func BenchmarkCreateChannel(b *testing.B) {
	w := newWorld(b, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.CreateChannel(b.Context(), &CreateChannelInput{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkByStreamKey(b *testing.B) {
	w := newWorld(b, time.Now())
	w.furnish(b)
	dir := NewDirectory(w.db, w.keyring, here)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dir.ByStreamKey(b.Context(), keyValue); err != nil {
			b.Fatal(err)
		}
	}
}

// A page of a list costs the same whether 1,000 channels follow or 100,000.
func BenchmarkListChannels(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, time.Now())
			w.fill(b, n)
			for name, in := range map[string]*ListChannelsInput{"all": {}, "by name": {FilterByName: new("c1")}} {
				in.MaxResults = new(50)
				first, err := w.ListChannels(b.Context(), in)
				if err != nil {
					b.Fatal(err)
				}
				in.NextToken = first.NextToken
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if page, err := w.ListChannels(b.Context(), in); err != nil || len(page.Channels) != 50 {
							b.Fatal(page, err)
						}
					}
				})
			}
		})
	}
}

// fill makes n channels, of which each has one of two names.
func (w *world) fill(t testing.TB, n int) {
	t.Helper()
	for made := 0; made < n; made += 1_000 {
		err := w.db.Tx(t.Context(), func(ctx context.Context) error {
			for i := range min(1_000, n-made) {
				doc := newChannel()
				doc.Name = fmt.Sprint("c", i%2)
				if _, err := w.channels.Insert(ctx, here.New(arn.Channel), &doc, map[string]string{"a": "1"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
