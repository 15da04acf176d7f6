package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const chatRoom = "arn:aws:ivschat:us-east-1:000000000000:room/AbCdEfGhIjKl"

func newChatRoom(t *testing.T, db *store.DB) *store.Collection[struct{}] {
	t.Helper()
	rooms := store.NewCollection[struct{}](db, arn.Room, nil)
	_, err := rooms.Insert(t.Context(), chatRoom, &struct{}{}, nil)
	check(t, err)
	return rooms
}

func TestChatPenaltiesHoldUntilTheirEndAndNoLonger(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		newChatRoom(t, db)
		at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		ban := store.ChatPenalty{Room: chatRoom, Kind: store.ChatBan, UserID: "bob", Reason: "spam", Made: at}
		out := store.ChatPenalty{Room: chatRoom, Kind: store.ChatTimeOut, UserID: "bob", Made: at, Until: at.Add(time.Minute)}
		check(t, db.PutChatPenalty(t.Context(), ban, at, 10))
		check(t, db.PutChatPenalty(t.Context(), out, at, 10))
		if n := must[int64](t)(db.ChatVersion(t.Context(), chatRoom)); n != 2 {
			t.Errorf("version %d after two changes", n)
		}
		if got := must[[]store.ChatPenalty](t)(db.ChatPenalties(t.Context(), chatRoom, at.Add(time.Minute-1000))); len(got) != 2 {
			t.Errorf("just before its end: %v", got)
		}
		end := at.Add(time.Minute)
		if diff := cmp.Diff([]store.ChatPenalty{ban}, must[[]store.ChatPenalty](t)(db.ChatPenalties(t.Context(), chatRoom, end))); diff != "" {
			t.Error(diff)
		}
		if _, ok, err := db.ChatPenalty(t.Context(), chatRoom, store.ChatTimeOut, "bob", end); ok || err != nil {
			t.Errorf("it is over: %v %v", ok, err)
		}
		if was, err := db.EndChatPenalty(t.Context(), chatRoom, store.ChatTimeOut, "bob", end); was || err != nil {
			t.Errorf("what is over cannot be ended: %v %v", was, err)
		}
		if n := must[int](t)(db.TrimChatPenalties(t.Context(), end)); n != 1 {
			t.Errorf("%d were swept", n)
		}
		if was, err := db.EndChatPenalty(t.Context(), chatRoom, store.ChatBan, "bob", end); !was || err != nil {
			t.Errorf("the ban was in force: %v %v", was, err)
		}
		if n := must[int64](t)(db.ChatVersion(t.Context(), chatRoom)); n != 3 {
			t.Errorf("version %d: ending what is not there is no change", n)
		}
	})
}

func TestChatPenaltiesAreCountedAndPaged(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		rooms := newChatRoom(t, db)
		at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		put := func(user string, until time.Time) error {
			return db.PutChatPenalty(t.Context(), store.ChatPenalty{Room: chatRoom, Kind: store.ChatBan, UserID: user, Made: at, Until: until}, at, 5)
		}
		for i := range 4 {
			check(t, put(fmt.Sprint("user-", i), time.Time{}))
		}
		check(t, put("short", at.Add(time.Second)))
		wantKind(t, put("one too many", time.Time{}), fault.Quota)
		check(t, put("user-3", at.Add(time.Hour))) // known already
		at = at.Add(time.Second)
		check(t, put("in place of short", time.Time{}))
		var got []string
		var after *store.Cursor
		for {
			page, next, err := db.ListChatPenalties(t.Context(), chatRoom, store.ChatBan, at, 2, after)
			check(t, err)
			for _, p := range page {
				got = append(got, p.UserID)
			}
			if after = next; after == nil {
				break
			}
		}
		if diff := cmp.Diff([]string{"in place of short", "user-3", "user-2", "user-1", "user-0"}, got); diff != "" {
			t.Error(diff)
		}
		check(t, rooms.Delete(t.Context(), chatRoom))
		if n := must[int64](t)(db.ChatVersion(t.Context(), chatRoom)); n != 0 {
			t.Errorf("the rules of a room outlive it: version %d", n)
		}
	})
}

func TestChatModesAndPinnedMessageAreKept(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		newChatRoom(t, db)
		for _, want := range []string{"", "1"} {
			check(t, db.ChangeChatModes(t.Context(), chatRoom, func(was string) (string, error) {
				if was != want {
					t.Errorf("modes %q, want %q", was, want)
				}
				return was + "1", nil
			}))
		}
		no := errors.New("no")
		if err := db.ChangeChatModes(t.Context(), chatRoom, func(string) (string, error) { return "x", no }); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		check(t, db.PinChatMessage(t.Context(), chatRoom, "m1", "{1}"))
		check(t, db.PinChatMessage(t.Context(), chatRoom, "m2", "{2}"))
		if diff := cmp.Diff(store.ChatRules{Version: 4, Modes: "11", Pinned: "{2}"}, must[store.ChatRules](t)(db.ChatRules(t.Context(), chatRoom))); diff != "" {
			t.Error(diff)
		}
		for _, c := range []struct{ id, was string }{{"m1", ""}, {"m2", "m2"}, {"m2", ""}, {"", ""}} {
			if was := must[string](t)(db.UnpinChatMessage(t.Context(), chatRoom, c.id)); was != c.was {
				t.Errorf("unpinning %q gives %q, want %q", c.id, was, c.was)
			}
		}
		if got := must[store.ChatRules](t)(db.ChatRules(t.Context(), chatRoom)); got.Pinned != "" || got.Version != 5 {
			t.Errorf("got %+v", got)
		}
	})
}
