package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func webhook(t *testing.T, db *store.DB, id string) store.Webhook {
	t.Helper()
	w := store.Webhook{
		ID: id, URL: "https://example.com/" + id, Description: "of " + id, Sealed: []byte{0, 255}, Enabled: true,
		DetailTypes: []string{"T"}, Resources: []string{"a*"},
	}
	check(t, db.InsertWebhook(t.Context(), &w, 100))
	return w
}

func TestWebhooksComeChangeAndGo(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		tell(t, db, start, "a")
		a, b := webhook(t, db, "a"), webhook(t, db, "b")
		if got := must[int64](t)(db.EventCursor(ctx, a.Consumer())); got != 1 {
			t.Errorf("a new webhook begins after event %d, want 1", got)
		}
		page, next, err := db.Webhooks(ctx, 1, nil)
		check(t, err)
		rest, end, err := db.Webhooks(ctx, 1, next)
		check(t, err)
		if diff := cmp.Diff([]store.Webhook{b, a}, append(page, rest...), cmpopts.EquateEmpty()); diff != "" || end != nil {
			t.Errorf("the list, newest first:\n%s%v", diff, end)
		}

		changed := must[store.Webhook](t)(db.UpdateWebhook(ctx, "a", func(w *store.Webhook) error {
			w.URL, w.Enabled, w.Reason, w.SealedOld, w.OldUntil = "https://other/", false, "gone", []byte("old"), start.Add(time.Hour)
			w.DetailTypes, w.Resources = nil, []string{"x", "y"}
			return nil
		}))
		if changed.Version != 2 {
			t.Errorf("version %d after a change", changed.Version)
		}
		if diff := cmp.Diff(changed, must[store.Webhook](t)(db.Webhook(ctx, "a")), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after a change:\n%s", diff)
		}
		refusal := fault.InvalidInput("no")
		if _, err := db.UpdateWebhook(ctx, "a", func(w *store.Webhook) error { w.URL = "bad"; return refusal }); err != refusal {
			t.Errorf("the change's error: %v", err)
		}
		if got := must[store.Webhook](t)(db.Webhook(ctx, "a")); got.URL != "https://other/" {
			t.Errorf("a refused change was written: %s", got.URL)
		}

		check(t, db.DeleteWebhook(ctx, "a"))
		wantKind(t, db.DeleteWebhook(ctx, "a"), fault.NotFound)
		_, err = db.Webhook(ctx, "a")
		wantKind(t, err, fault.NotFound)
		_, err = db.UpdateWebhook(ctx, "a", func(*store.Webhook) error { return nil })
		wantKind(t, err, fault.NotFound)
		check(t, db.AdvanceEventCursor(ctx, "a", 5)) // by a delivery that was under way
		if got := must[int64](t)(db.EventCursor(ctx, a.Consumer())); got != 0 {
			t.Errorf("a deleted webhook has a cursor at %d", got)
		}
	})
}

func TestWebhooksAreLimitedInNumber(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		results := make(chan error, 6)
		for i := range cap(results) {
			go func() {
				results <- db.InsertWebhook(context.Background(), &store.Webhook{ID: fmt.Sprint(i), Sealed: []byte("x")}, 3)
			}()
		}
		var refused int
		for range cap(results) {
			if err := <-results; err != nil {
				wantKind(t, err, fault.Quota)
				refused++
			}
		}
		if refused != 3 {
			t.Errorf("%d of 6 were refused, want 3", refused)
		}
	})
}

func TestCursorOfAWebhookNeverGoesBack(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		w := webhook(t, db, "a")
		check(t, db.AdvanceEventCursor(t.Context(), "a", 7))
		check(t, db.AdvanceEventCursor(t.Context(), "a", 5))
		if got := must[int64](t)(db.EventCursor(t.Context(), w.Consumer())); got != 7 {
			t.Errorf("at %d, want 7", got)
		}
	})
}

func TestFailuresOfALaneAreKept(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		webhook(t, db, "a")
		f := store.WebhookFailure{WebhookID: "a", Lane: "live", Global: 3, Tries: 1, Since: start, Error: "no"}
		check(t, db.PutWebhookFailure(ctx, f))
		f.Tries, f.Error = 2, "still no"
		check(t, db.PutWebhookFailure(ctx, f))
		if diff := cmp.Diff([]store.WebhookFailure{f}, must[[]store.WebhookFailure](t)(db.WebhookFailures(ctx, "a"))); diff != "" {
			t.Error(diff)
		}
		check(t, db.ClearWebhookFailure(ctx, "a", "live"))
		f.WebhookID = "gone"
		check(t, db.PutWebhookFailure(ctx, f))
		for _, id := range []string{"a", "gone"} {
			if got := must[[]store.WebhookFailure](t)(db.WebhookFailures(ctx, id)); len(got) != 0 {
				t.Errorf("%s: %+v", id, got)
			}
		}
	})
}

func TestDeadLettersAreKeptAskedForAndDropped(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		db := open(t, url, store.Options{Now: func() time.Time { return start }})
		ctx := t.Context()
		webhook(t, db, "a")
		webhook(t, db, "b")
		for range 3 {
			tell(t, db, start, "r")
		}
		for global := range int64(3) {
			check(t, db.BuryEvent(ctx, "a", global+1, 9, "no"))
		}
		check(t, db.BuryEvent(ctx, "b", 1, 1, "not b either"))
		check(t, db.BuryEvent(ctx, "b", 99, 1, "no such event"))
		check(t, db.BuryEvent(ctx, "gone", 1, 1, "no such webhook"))

		page, next, err := db.DeadLetters(ctx, "a", 2, nil)
		check(t, err)
		rest, end, err := db.DeadLetters(ctx, "a", 2, next)
		check(t, err)
		list := append(page, rest...)
		if len(list) != 3 || list[0].Global != 3 || list[2].Global != 1 || end != nil {
			t.Fatalf("the list, newest first: %+v", list)
		}
		if d := list[0]; d.Seq != 3 || d.Tries != 9 || d.Error != "no" || d.Asked || !d.Died.Equal(start) || d.DetailType != "T" || d.Resources[0] != "r" {
			t.Errorf("got %+v", d)
		}

		if n := must[int](t)(db.AskDeadLetters(ctx, "a", list[0].ID)); n != 1 {
			t.Errorf("asked for %d", n)
		}
		_, err = db.AskDeadLetters(ctx, "a", "no such event")
		wantKind(t, err, fault.NotFound)
		wantNext := func(want int64) {
			t.Helper()
			d, ok, err := db.NextDeadLetter(ctx, "a")
			if err != nil || ok != (want > 0) || d.Global != want {
				t.Errorf("next: %+v, %v, %v, want %d", d, ok, err, want)
			}
		}
		wantNext(3)
		if n := must[int](t)(db.AskDeadLetters(ctx, "a", "")); n != 3 {
			t.Errorf("asked for %d of all", n)
		}
		wantNext(1)
		check(t, db.DropDeadLetter(ctx, "a", 1))
		check(t, db.BuryEvent(ctx, "a", 2, 10, "again not")) // is not asked for any more
		wantNext(3)
		check(t, db.DropDeadLetter(ctx, "a", 3))
		wantNext(0)
		if n := must[int](t)(db.CountDeadLetters(ctx, "a")); n != 1 {
			t.Errorf("%d are left, want 1", n)
		}

		check(t, db.DeleteWebhook(ctx, "a"))
		if n := must[int](t)(store.CountRows(ctx, db, "webhook_dead_letters")); n != 1 {
			t.Errorf("%d letters after the webhook of all but one is gone", n)
		}
		must[int](t)(db.TrimEvents(ctx, start.Add(time.Hour)))
		if n := must[int](t)(store.CountRows(ctx, db, "webhook_dead_letters")); n != 0 {
			t.Errorf("%d letters outlived their events", n)
		}
	})
}

func TestReplayGivesPastEventsOnly(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		webhook(t, db, "a")
		for i := range 5 {
			tell(t, db, start.Add(time.Duration(i)*time.Hour), "r")
		}
		r := store.WebhookReplay{ID: "x", WebhookID: "a", Since: start.Add(time.Hour), Until: start.Add(4 * time.Hour), DetailTypes: []string{"T"}, Resources: []string{"r*"}}
		check(t, db.InsertReplay(ctx, &r, 2))
		open := store.WebhookReplay{ID: "y", WebhookID: "a", Since: start.Add(3 * time.Hour)}
		check(t, db.InsertReplay(ctx, &open, 2))
		wantKind(t, db.InsertReplay(ctx, &store.WebhookReplay{ID: "z", WebhookID: "a"}, 2), fault.Quota)
		wantKind(t, db.InsertReplay(ctx, &store.WebhookReplay{ID: "z", WebhookID: "gone"}, 2), fault.NotFound)
		tell(t, db, start.Add(2*time.Hour), "r") // after the asking
		if diff := cmp.Diff([]store.WebhookReplay{r, open}, must[[]store.WebhookReplay](t)(db.Replays(ctx, "a")), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		numbers := func(r store.WebhookReplay, limit int) (got []int64) {
			for _, e := range must[[]store.Event](t)(db.ReplayEvents(ctx, r, limit)) {
				got = append(got, e.Global)
			}
			return got
		}
		if diff := cmp.Diff([]int64{2, 3, 4}, numbers(r, 10)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int64{4, 5}, numbers(open, 10)); diff != "" {
			t.Error(diff)
		}
		check(t, db.AdvanceReplay(ctx, "x", 2))
		if diff := cmp.Diff([]int64{3}, numbers(must[[]store.WebhookReplay](t)(db.Replays(ctx, "a"))[0], 1)); diff != "" {
			t.Error(diff)
		}
		check(t, db.EndReplay(ctx, "x"))
		if left := must[[]store.WebhookReplay](t)(db.Replays(ctx, "a")); len(left) != 1 || left[0].ID != "y" {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestWebhookKeepsEventsForRetentionOnly(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		slow := webhook(t, db, "slow")
		for i := range 4 {
			tell(t, db, start.AddDate(0, 0, i), "r")
		}
		if n := must[int](t)(db.TrimEvents(ctx, start.AddDate(0, 0, 2))); n != 2 {
			t.Errorf("trimmed %d events, want 2", n)
		}
		if got := must[int64](t)(db.EventCursor(ctx, slow.Consumer())); got != 2 {
			t.Errorf("the webhook is at %d, want 2", got)
		}
		if n := must[int](t)(db.TrimEvents(ctx, start.AddDate(0, 0, 9))); n != 2 {
			t.Errorf("trimmed %d events, want 2", n)
		}
		if got := must[int64](t)(db.EventCursor(ctx, slow.Consumer())); got != 4 {
			t.Errorf("the webhook is at %d, want 4", got)
		}
	})
}

func TestEventsAreListedFromBothEnds(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		for i := range 6 {
			tell(t, db, start.Add(time.Duration(i)*time.Hour), string(rune('a'+i%2)))
		}
		for name, c := range map[string]struct {
			filter store.EventFilter
			oldest bool
			want   []int64
		}{
			"newest first":    {store.EventFilter{}, false, []int64{6, 5, 4, 3, 2, 1}},
			"oldest first":    {store.EventFilter{}, true, []int64{1, 2, 3, 4, 5, 6}},
			"of a resource":   {store.EventFilter{Resource: "b"}, false, []int64{6, 4, 2}},
			"since":           {store.EventFilter{Since: start.Add(3 * time.Hour)}, true, []int64{4, 5, 6}},
			"after":           {store.EventFilter{After: 2, Resource: "a"}, true, []int64{3, 5}},
			"after, newest":   {store.EventFilter{After: 4}, false, []int64{6, 5}},
			"of another type": {store.EventFilter{DetailType: "U"}, true, nil},
		} {
			t.Run(name, func(t *testing.T) {
				var got []int64
				for after := (*int64)(nil); ; {
					page, next, err := db.ListEvents(t.Context(), c.filter, c.oldest, 2, after)
					check(t, err)
					for _, e := range page {
						got = append(got, e.Global)
					}
					if next == nil {
						break
					}
					after = next
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}
