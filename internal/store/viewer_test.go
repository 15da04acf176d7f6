package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/store"
)

func TestTheGreatestRevocationOfAViewerCounts(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
		for _, r := range []store.ViewerRevocation{
			{ChannelARN: "a", ViewerID: "v", Version: 3, Time: at(1)},
			{ChannelARN: "a", ViewerID: "v", Version: 2, Time: at(4)}, // less, but later
			{ChannelARN: "b", ViewerID: "v", Version: 0, Time: at(2)},
			{ChannelARN: "a", ViewerID: "w", Version: 7, Time: at(3)},
			{ChannelARN: "a", ViewerID: "w", Version: 8, Time: at(2)}, // more, but earlier
		} {
			check(t, db.RevokeViewer(ctx, r))
		}
		want := []store.ViewerRevocation{
			{ChannelARN: "b", ViewerID: "v", Version: 0, Time: at(2)},
			{ChannelARN: "a", ViewerID: "w", Version: 8, Time: at(3)},
			{ChannelARN: "a", ViewerID: "v", Version: 3, Time: at(4)},
		}
		if diff := cmp.Diff(want, must[[]store.ViewerRevocation](t)(db.ViewerRevocations(ctx, time.Time{}))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[1:], must[[]store.ViewerRevocation](t)(db.ViewerRevocations(ctx, at(3)))); diff != "" {
			t.Errorf("from the third second on:\n%s", diff)
		}
		if n := must[int](t)(db.TrimViewerRevocations(ctx, at(4))); n != 2 {
			t.Errorf("trimmed %d", n)
		}
		if diff := cmp.Diff(want[2:], must[[]store.ViewerRevocation](t)(db.ViewerRevocations(ctx, time.Time{}))); diff != "" {
			t.Errorf("what is left:\n%s", diff)
		}
	})
}

func TestManyRevocationsAreTrimmed(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			for i := range 1200 {
				if err := db.RevokeViewer(ctx, store.ViewerRevocation{ChannelARN: "a", ViewerID: fmt.Sprint(i), Time: start}); err != nil {
					return err
				}
			}
			return nil
		}))
		if n := must[int](t)(db.TrimViewerRevocations(t.Context(), start.Add(time.Second))); n != 1200 {
			t.Errorf("trimmed %d", n)
		}
	})
}
