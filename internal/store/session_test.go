package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

func session(channel string, n int) store.StreamSession {
	return store.StreamSession{
		StreamID: fmt.Sprintf("st-%s-%d", channel, n), ChannelARN: channel, Node: "n1",
		Started: start.Add(time.Duration(n) * time.Second), Doc: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
	}
}

func TestSessionLivesAndEnds(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, s := t.Context(), session("a", 1)
		check(t, db.InsertStreamSession(ctx, s))
		wantKind(t, db.InsertStreamSession(ctx, s), fault.Conflict)
		check(t, db.InsertStreamSession(ctx, session("b", 1)))
		if diff := cmp.Diff([]store.StreamSession{s, session("b", 1)}, must[[]store.StreamSession](t)(db.OpenStreamSessions(ctx))); diff != "" {
			t.Errorf("open:\n%s", diff)
		}
		s.Ended, s.Doc, s.Node = start.Add(time.Hour), json.RawMessage(`{"end":true}`), "n2"
		check(t, db.UpdateStreamSession(ctx, s.StreamID, func(was *store.StreamSession) error {
			if !was.Ended.IsZero() {
				t.Errorf("it ended before: %v", was.Ended)
			}
			was.Ended, was.Doc, was.Node = s.Ended, s.Doc, s.Node
			return nil
		}))
		if diff := cmp.Diff(s, must[store.StreamSession](t)(db.StreamSession(ctx, "a", s.StreamID))); diff != "" {
			t.Errorf("ended:\n%s", diff)
		}
		if open := must[[]store.StreamSession](t)(db.OpenStreamSessions(ctx)); len(open) != 1 || open[0].ChannelARN != "b" {
			t.Errorf("open: %+v", open)
		}
		refusal := errors.New("no")
		if err := db.UpdateStreamSession(ctx, s.StreamID, func(s *store.StreamSession) error { s.Node = "n3"; return refusal }); err != refusal {
			t.Errorf("error: got %v", err)
		}
		if got := must[store.StreamSession](t)(db.StreamSession(ctx, "a", s.StreamID)); got.Node != "n2" {
			t.Errorf("the refused change is there: %+v", got)
		}
	})
}

func TestAbsentSessionIsNotFound(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		check(t, db.InsertStreamSession(t.Context(), session("a", 1)))
		for _, who := range [][2]string{{"a", "st-x"}, {"b", "st-a-1"}, {"b", ""}} {
			_, err := db.StreamSession(t.Context(), who[0], who[1])
			wantKind(t, err, fault.NotFound)
		}
		wantKind(t, db.UpdateStreamSession(t.Context(), "st-x", func(*store.StreamSession) error { return nil }), fault.NotFound)
	})
}

func TestSessionsOfAChannelComeNewestFirst(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		for n := range 5 {
			check(t, db.InsertStreamSession(t.Context(), session("a", n)))
			check(t, db.InsertStreamSession(t.Context(), session("b", n)))
		}
		var got []string
		var after *store.Cursor
		for {
			page, next, err := db.StreamSessions(t.Context(), "a", 2, after)
			check(t, err)
			for _, s := range page {
				got = append(got, s.StreamID)
			}
			if after = next; after == nil {
				break
			}
		}
		if diff := cmp.Diff([]string{"st-a-4", "st-a-3", "st-a-2", "st-a-1", "st-a-0"}, got); diff != "" {
			t.Error(diff)
		}
		if newest := must[store.StreamSession](t)(db.StreamSession(t.Context(), "a", "")); newest.StreamID != "st-a-4" {
			t.Errorf("newest: %s", newest.StreamID)
		}
	})
}

func TestSessionWithoutADocumentHasNull(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		s := session("a", 1)
		s.Doc = nil
		check(t, db.InsertStreamSession(t.Context(), s))
		if got := must[store.StreamSession](t)(db.StreamSession(t.Context(), "a", s.StreamID)); string(got.Doc) != "null" {
			t.Errorf("got %q", got.Doc)
		}
		s.StreamID, s.Doc = "st-broken", json.RawMessage(`{`)
		if err := db.InsertStreamSession(t.Context(), s); err == nil {
			t.Error("a document that is no JSON was taken")
		}
	})
}

func TestOldSessionsAreTrimmed(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const old = 1100 // more than one statement removes
		ctx, limit := t.Context(), start.Add(time.Hour)
		check(t, db.Tx(ctx, func(ctx context.Context) error {
			for n := range old {
				s := session("a", n)
				s.Ended = limit.Add(-time.Duration(n+1) * time.Microsecond)
				if err := db.InsertStreamSession(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}))
		just, live := session("a", old), session("b", 0)
		just.Ended = limit
		check(t, db.InsertStreamSession(ctx, just))
		check(t, db.InsertStreamSession(ctx, live))

		for _, want := range []int{old, 0} {
			if n := must[int](t)(db.TrimStreamSessions(ctx, limit)); n != want {
				t.Errorf("trimmed %d, want %d", n, want)
			}
		}
		for channel, want := range map[string]store.StreamSession{"a": just, "b": live} {
			list, _, err := db.StreamSessions(ctx, channel, 10, nil)
			check(t, err)
			if diff := cmp.Diff([]store.StreamSession{want}, list); diff != "" {
				t.Errorf("left of channel %s:\n%s", channel, diff)
			}
		}
	})
}
