package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestAppModerationIsKept(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		for _, name := range []string{"ada", "bob", "eve"} {
			u := store.AppUser{ID: name, Username: name, NameKey: name, State: store.AppActive, Created: at}
			check(t, app.InsertUser(ctx, u, store.AppChannel{UserID: name}, time.Time{}))
		}
		if added := must[bool](t)(app.AddModerator(ctx, "ada", "bob", at, 1)); !added {
			t.Error("bob is no new moderator")
		}
		if added := must[bool](t)(app.AddModerator(ctx, "ada", "bob", at, 1)); added {
			t.Error("bob is one twice")
		}
		_, err := app.AddModerator(ctx, "ada", "eve", at, 1)
		wantKind(t, err, fault.Quota)
		if got := must[[]store.AppModerator](t)(app.Moderators(ctx, "ada")); len(got) != 1 || got[0].Username != "bob" {
			t.Errorf("moderators: %v", got)
		}

		seen := store.AppChatter{Owner: "ada", UserID: "eve", Name: "eve", Device: "guest-1", Network: "mark", Seen: at}
		check(t, app.SeeChatter(ctx, seen))
		check(t, app.SeeChatter(ctx, seen))
		if got, ok, err := app.Chatter(ctx, "ada", "eve"); err != nil || !ok || got != seen {
			t.Errorf("seen: %v %v %v", got, ok, err)
		}
		p := store.AppPenalty{
			Owner: "ada", Kind: store.ChatBan, UserID: "eve", Name: "eve", Moderator: "bob", Made: at,
			Device: "guest-1", Network: "mark", NetworkUntil: at.Add(time.Hour),
		}
		check(t, app.PutPenalty(ctx, p, 1))
		check(t, app.PutPenalty(ctx, p, 1))
		other := p
		other.UserID = "dan"
		wantKind(t, app.PutPenalty(ctx, other, 1), fault.Quota)
		for _, c := range []struct {
			device, network, formerly string
			at                        time.Time
			banned                    bool
		}{
			{"guest-1", "", "", at, true},
			{"guest-2", "mark", "", at, true},
			{"guest-2", "new", "mark", at, true},
			{"guest-2", "new", "old", at, false},
			{"", "", "", at, false},
			{"guest-2", "mark", "", at.Add(time.Hour), false},
		} {
			if got := must[bool](t)(app.GuestBanned(ctx, "ada", c.device, c.network, c.formerly, c.at)); got != c.banned {
				t.Errorf("%+v: %v", c, got)
			}
		}
		if diff := cmp.Diff([]store.AppPenalty{p}, must[[]store.AppPenalty](t)(app.OwedPenalties(ctx, 10))); diff != "" {
			t.Error(diff)
		}
		check(t, app.SettlePenalty(ctx, p))
		if was := must[bool](t)(app.LiftPenalty(ctx, "ada", store.ChatBan, "eve", at)); !was {
			t.Error("there was no ban to lift")
		}
		check(t, app.SettlePenalty(ctx, p)) // late news of the ban does not hide its end
		owed := must[[]store.AppPenalty](t)(app.OwedPenalties(ctx, 10))
		if len(owed) != 1 || !owed[0].Lifted {
			t.Fatalf("owed: %v", owed)
		}
		check(t, app.SettlePenalty(ctx, owed[0]))
		if page, next, err := app.Penalties(ctx, "ada", store.ChatBan, at, 10, nil); err != nil || len(page) != 0 || next != nil {
			t.Errorf("bans: %v %v %v", page, next, err)
		}

		check(t, app.PutChatPinned(ctx, "ada", "{p}"))
		check(t, app.PutChatModes(ctx, "ada", "{m}"))
		check(t, app.SettleModes(ctx, "ada", "{former}"))
		if got := must[[]string](t)(app.OwedModes(ctx, 10)); len(got) != 1 {
			t.Errorf("owed modes: %v", got)
		}
		check(t, app.SettleModes(ctx, "ada", "{m}"))
		if got := must[[]string](t)(app.OwedModes(ctx, 10)); len(got) != 0 {
			t.Errorf("owed modes: %v", got)
		}
		if got := must[store.AppChatRules](t)(app.ChatRules(ctx, "ada")); got != (store.AppChatRules{Modes: "{m}", Pinned: "{p}"}) {
			t.Errorf("rules: %v", got)
		}

		d := store.AppChatDeed{ID: "1", Owner: "ada", At: at, Actor: "bob", ActorName: "bob", Action: "ban", Target: "eve", TargetName: "eve", Detail: "{}"}
		check(t, app.LogChatDeed(ctx, d))
		if ok := must[bool](t)(app.UndoChatDeed(ctx, "ada", "1", at, "ada")); !ok {
			t.Error("it cannot be undone")
		}
		if ok := must[bool](t)(app.UndoChatDeed(ctx, "ada", "1", at, "ada")); ok {
			t.Error("it is undone twice")
		}
		d.Undone, d.UndoneBy = at, "ada"
		if page, _, err := app.ChatDeeds(ctx, "ada", 10, nil); err != nil || cmp.Diff([]store.AppChatDeed{d}, page) != "" {
			t.Errorf("log: %v %v", page, err)
		}
		later := at.Add(time.Second)
		check(t, app.PurgeChat(ctx, later, later, later))
		if _, ok, _ := app.Chatter(ctx, "ada", "eve"); ok {
			t.Error("who was seen is not forgotten")
		}
		if page, _, _ := app.ChatDeeds(ctx, "ada", 10, nil); len(page) != 0 {
			t.Errorf("log: %v", page)
		}
	})
}
