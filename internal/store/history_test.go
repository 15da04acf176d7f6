package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/store"
)

func TestHistoryIsKeptInRunsAndGoesWithItsSession(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, s := t.Context(), session("a", 1)
		check(t, db.InsertStreamSession(ctx, s))
		run := func(minutes int, points string) store.HistoryRun {
			return store.HistoryRun{Started: start.Add(time.Duration(minutes) * time.Minute), Points: []byte(points)}
		}
		check(t, db.PutHistory(ctx, s.StreamID, run(10, "b")))
		check(t, db.PutHistory(ctx, s.StreamID, run(0, "a")))
		check(t, db.PutHistory(ctx, s.StreamID, run(20, "c")))
		check(t, db.PutHistory(ctx, s.StreamID, run(20, "c, and more\x00\xff")))
		check(t, db.PutHistory(ctx, "st-nobody", run(0, "x")))
		read := func(from, before, limit int) []store.HistoryRun {
			t.Helper()
			return must[[]store.HistoryRun](t)(db.History(ctx, s.StreamID, run(from, "").Started, run(before, "").Started, limit))
		}
		if diff := cmp.Diff([]store.HistoryRun{run(0, "a"), run(10, "b"), run(20, "c, and more\x00\xff")}, read(0, 21, 9)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]store.HistoryRun{run(10, "b")}, read(1, 20, 9)); diff != "" {
			t.Error(diff)
		}
		if got := read(0, 60, 2); len(got) != 2 {
			t.Errorf("%d runs", len(got))
		}
		if got := must[[]store.HistoryRun](t)(db.History(ctx, "st-nobody", start, start.Add(time.Hour), 9)); len(got) != 0 {
			t.Errorf("a session that does not exist has %d runs", len(got))
		}
		check(t, db.UpdateStreamSession(ctx, s.StreamID, func(s *store.StreamSession) error { s.Ended = start.Add(time.Hour); return nil }))
		if n := must[int](t)(db.TrimStreamSessions(ctx, start.Add(2*time.Hour))); n != 1 {
			t.Errorf("%d sessions were trimmed", n)
		}
		if got := read(0, 60, 9); len(got) != 0 {
			t.Errorf("%d runs outlive their session", len(got))
		}
	})
}
