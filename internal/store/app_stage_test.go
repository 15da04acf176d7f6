package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func stageToken(s store.AppSeat, participant string, ends time.Duration) store.AppStageToken {
	return store.AppStageToken{AppSeat: s, Participant: participant, Sealed: []byte{0, 1, 255}, Made: appTime, Expires: appTime.Add(ends)}
}

func TestAppSeatHasTheTokenThatLastsLongest(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		ada := appUser(t, app, "ada")
		if _, err := app.StartRealTime(ctx, ada.ID, appTime, 1); err != nil { // or there are no viewers
			t.Fatal(err)
		}
		host := store.AppSeat{Owner: ada.ID, Holder: ada.ID, Role: store.AppHost}
		viewer := store.AppSeat{Owner: ada.ID, Holder: ada.ID, Role: store.AppViewer}
		tokens := []store.AppStageToken{
			stageToken(host, "short", time.Hour), stageToken(host, "long", 2*time.Hour), stageToken(viewer, "other", 3*time.Hour),
		}
		for _, tok := range tokens {
			if kept, err := app.InsertStageToken(ctx, tok); err != nil || !kept {
				t.Fatal(kept, err)
			}
		}
		best := func(s store.AppSeat, beyond time.Duration) string {
			t.Helper()
			tok, ok, err := app.StageToken(ctx, s, appTime.Add(beyond))
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return "none"
			}
			return tok.Participant
		}
		if got, _, _ := app.StageToken(ctx, host, appTime); cmp.Diff(tokens[1], got) != "" {
			t.Error(cmp.Diff(tokens[1], got))
		}
		for _, c := range []struct {
			seat   store.AppSeat
			beyond time.Duration
			want   string
		}{{host, 0, "long"}, {host, 2 * time.Hour, "none"}, {viewer, 2 * time.Hour, "other"}, {store.AppSeat{Owner: ada.ID, Holder: "eve", Role: store.AppHost}, 0, "none"}} {
			if got := best(c.seat, c.beyond); got != c.want {
				t.Errorf("%+v beyond %v: %s, want %s", c.seat, c.beyond, got, c.want)
			}
		}
		check(t, app.RevokeStageToken(ctx, "long"))
		if got := best(host, 0); got != "short" {
			t.Errorf("after the revocation: %s", got)
		}
		owed := func(after time.Duration) (out string) {
			for _, tok := range must[[]store.AppStageToken](t)(app.OwedDepartures(ctx, "", appTime.Add(after), 10)) {
				out += tok.Participant
			}
			return out
		}
		if a, b := owed(25*time.Hour), owed(26*time.Hour); a != "long" || b != "" {
			t.Errorf("owed: %q, a day after its end %q", a, b)
		}
		check(t, app.Departed(ctx, "long"))
		if got := owed(0); got != "" {
			t.Errorf("still owed: %q", got)
		}
		check(t, app.PurgeStage(ctx, appTime.Add(time.Hour)))
		if _, err := app.StageTokenOf(ctx, ada.ID, "short"); fault.Of(err) != fault.NotFound {
			t.Errorf("an ended token: %v", err)
		}
		if _, err := app.StageTokenOf(ctx, "eve", "other"); fault.Of(err) != fault.NotFound {
			t.Errorf("a token of another's stage: %v", err)
		}
		if got := best(viewer, 0); got != "other" {
			t.Errorf("a running token after the purge: %s", got)
		}
	})
}

func TestAppSeatIsClaimedByOneAtATime(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		seat := store.AppSeat{Owner: "a", Holder: "b", Role: store.AppViewer}
		claim := func(after time.Duration) bool {
			now := appTime.Add(after)
			ok, err := app.ClaimSeat(ctx, seat, now, now.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			return ok
		}
		var won atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if claim(0) {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if n := won.Load(); n != 1 {
			t.Fatalf("%d claims at once", n)
		}
		if claim(59 * time.Second) {
			t.Error("claimed while another holds it")
		}
		if !claim(time.Minute) {
			t.Error("a claim that has run out is not free")
		}
		check(t, app.ReleaseSeat(ctx, seat, appTime.Add(time.Minute))) // by the first holder, too late
		if claim(90 * time.Second) {
			t.Error("the first holder gave the second one's claim back")
		}
		check(t, app.ReleaseSeat(ctx, seat, appTime.Add(2*time.Minute)))
		if !claim(90 * time.Second) {
			t.Error("not free after it was given back")
		}
	})
}

func invitation(owner store.AppUser, id, holder string, after time.Duration) store.AppInvitation {
	at := appTime.Add(after)
	return store.AppInvitation{ID: id, Owner: owner.ID, Holder: holder, Name: holder, Created: at, Expires: at.Add(time.Hour)}
}

func TestAppInvitationsOpenOncePerPersonAndClose(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		ada, eve := appUser(t, app, "ada"), appUser(t, app, "eve")
		inv := func(id, holder string, after time.Duration) string {
			t.Helper()
			i, err := app.OpenInvitation(ctx, invitation(ada, id, holder, after), 2)
			if err != nil {
				return fault.Of(err).String()
			}
			return i.ID
		}
		for _, c := range []struct {
			what, id, holder string
			after            time.Duration
			want             string
		}{
			{"the first", "1", "bob", 0, "1"},
			{"the same person", "2", "bob", 30 * time.Minute, "1"},
			{"another", "3", "cy", 30 * time.Minute, "3"},
			{"one too many", "4", "dan", 30 * time.Minute, "quota"},
			{"the first, prolonged by the second", "5", "bob", 61 * time.Minute, "1"},
			{"once one has expired", "6", "dan", 91 * time.Minute, "6"},
			{"the expired person anew", "7", "cy", 91 * time.Minute, "quota"},
		} {
			if got := inv(c.id, c.holder, c.after); got != c.want {
				t.Errorf("%s: %s, want %s", c.what, got, c.want)
			}
		}
		at := appTime.Add(92 * time.Minute)
		bob := store.AppSeat{Owner: ada.ID, Holder: "bob", Role: store.AppGuest, Invitation: "1"}
		for _, tok := range []store.AppStageToken{stageToken(bob, "ended", time.Hour), stageToken(bob, "p1", 12*time.Hour), stageToken(bob, "p2", 13*time.Hour)} {
			if kept, err := app.InsertStageToken(ctx, tok); err != nil || !kept {
				t.Fatal(kept, err)
			}
		}
		_, err := app.TakeUp(ctx, ada.ID, "1", "cy", at)
		wantKind(t, err, fault.Denied)
		_, err = app.TakeUp(ctx, eve.ID, "1", "bob", at)
		wantKind(t, err, fault.NotFound)
		if i := must[store.AppInvitation](t)(app.TakeUp(ctx, ada.ID, "1", "bob", at)); i.State != store.AppJoined || !i.Used.Equal(at) {
			t.Errorf("taken up: %+v", i)
		}
		late := at.Add(48 * time.Hour)
		if i := must[store.AppInvitation](t)(app.TakeUp(ctx, ada.ID, "1", "bob", late)); i.State != store.AppJoined {
			t.Errorf("taken up again after its hour: %+v", i)
		}
		_, err = app.CloseInvitation(ctx, eve.ID, "1", store.AppRemoved, at)
		wantKind(t, err, fault.NotFound)
		if i := must[store.AppInvitation](t)(app.CloseInvitation(ctx, ada.ID, "1", store.AppRemoved, at)); i.State != store.AppRemoved {
			t.Errorf("closed: %+v", i)
		}
		if i := must[store.AppInvitation](t)(app.CloseInvitation(ctx, ada.ID, "1", store.AppWithdrawn, at)); i.State != store.AppRemoved {
			t.Errorf("closed again: %+v", i)
		}
		if i := must[store.AppInvitation](t)(app.TakeUp(ctx, ada.ID, "1", "bob", at)); i.State != store.AppRemoved {
			t.Errorf("taken up after the removal: %+v", i)
		}
		kept, err := app.InsertStageToken(ctx, stageToken(bob, "too late", 14*time.Hour))
		if err != nil || kept {
			t.Errorf("a token made while the invitation was closed: kept %v, %v", kept, err)
		}
		var owed []string
		for _, tok := range must[[]store.AppStageToken](t)(app.OwedDepartures(ctx, "1", at, 10)) {
			owed = append(owed, tok.Participant)
		}
		if got := fmt.Sprint(owed); got != "[too late p2 p1 ended]" {
			t.Errorf("owed %s", got)
		}
		var list []string
		for _, i := range must[[]store.AppInvitation](t)(app.Invitations(ctx, ada.ID, appTime.Add(3*time.Hour), 10)) {
			list = append(list, fmt.Sprint(i.ID, " ", i.State))
		}
		if got := fmt.Sprint(list); got != "[6 expired 3 expired 1 removed]" {
			t.Errorf("invitations: %s", got)
		}
		check(t, app.PurgeStage(ctx, appTime.Add(12*time.Hour)))
		if n := len(must[[]store.AppInvitation](t)(app.Invitations(ctx, ada.ID, at, 10))); n != 1 {
			t.Errorf("%d invitations after the purge, want the one whose tokens have not ended", n)
		}
		check(t, app.PurgeStage(ctx, appTime.Add(60*time.Hour)))
		if n := len(must[[]store.AppInvitation](t)(app.Invitations(ctx, ada.ID, at, 10))); n != 0 {
			t.Errorf("%d invitations after all has ended", n)
		}
	})
}

func TestAppInvitationsOfOnePersonAtTheSameTimeAreOne(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		ada := appUser(t, app, "ada")
		ids := make([]string, 8)
		var all sync.WaitGroup
		for n := range ids {
			all.Go(func() {
				i, err := app.OpenInvitation(t.Context(), invitation(ada, fmt.Sprint(n), "bob", 0), 50)
				if err != nil {
					t.Error(err)
				}
				ids[n] = i.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("invitations %v", ids)
			}
		}
	})
}

func TestAppParticipantsAreAsTheNewestEventSays(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		ada := appUser(t, app, "ada")
		seat := store.AppSeat{Owner: ada.ID, Holder: ada.ID, Role: store.AppHost}
		_, err := app.InsertStageToken(ctx, stageToken(seat, "p", time.Hour))
		check(t, err)
		for _, c := range []struct {
			publishing bool
			second     int
			want       bool
		}{{true, 10, true}, {false, 5, true}, {false, 20, false}, {true, 15, false}, {true, 20, true}} {
			tok, err := app.HearParticipant(ctx, ada.ID, "p", c.publishing, appTime.Add(time.Duration(c.second)*time.Second))
			if err != nil || tok.Publishing != c.want {
				t.Errorf("after %+v: %v, %v", c, tok.Publishing, err)
			}
			if n := len(must[[]store.AppStageToken](t)(app.Publishing(ctx, ada.ID, store.AppHost, appTime))); (n == 1) != c.want {
				t.Errorf("after %+v %d publish", c, n)
			}
		}
		_, err = app.StartRealTime(ctx, ada.ID, appTime, 1)
		check(t, err)
		guest := store.AppSeat{Owner: ada.ID, Holder: "bob", Role: store.AppViewer}
		_, err = app.InsertStageToken(ctx, stageToken(guest, "q", time.Hour))
		check(t, err)
		_, err = app.HearParticipant(ctx, ada.ID, "q", true, appTime)
		check(t, err)
		if all := must[[]store.AppStageToken](t)(app.Publishing(ctx, ada.ID, store.AppHost, appTime)); len(all) != 1 || all[0].Participant != "p" {
			t.Errorf("hosts who publish: %+v", all)
		}
		_, err = app.HearParticipant(ctx, ada.ID, "stranger", true, appTime)
		wantKind(t, err, fault.NotFound)
		if n := len(must[[]store.AppStageToken](t)(app.Publishing(ctx, ada.ID, store.AppHost, appTime.Add(26*time.Hour)))); n != 0 {
			t.Errorf("%d publish a day after their token's end", n)
		}
	})
}

func TestAppRealTimeHasOneTruth(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), t.Context()
		ada := appUser(t, app, "ada")
		appUser(t, app, "eve")
		stage := "arn:aws:ivs:us-east-1:000000000000:stage/abcdefghijkl"
		check(t, app.UpdateChannel(ctx, ada.ID, store.AppChannelChange{StageARN: &stage}))
		_, err := app.ChannelByStage(ctx, "")
		wantKind(t, err, fault.NotFound)
		now := func() store.AppChannel { return must[store.AppChannel](t)(app.ChannelByStage(ctx, stage)) }
		yes := func(want bool) func(bool, error) {
			return func(got bool, err error) {
				t.Helper()
				if err != nil || got != want {
					t.Fatalf("changed %v, %v, want %v", got, err, want)
				}
			}
		}
		count := func(cs []store.AppChannel, err error) int {
			t.Helper()
			check(t, err)
			return len(cs)
		}
		check(t, app.MissHost(ctx, ada.ID, appTime)) // nobody misses a host while real time is off
		yes(false)(app.StopRealTime(ctx, ada.ID, 5))
		yes(true)(app.StartRealTime(ctx, ada.ID, appTime, 5))
		yes(false)(app.StartRealTime(ctx, ada.ID, appTime.Add(time.Minute), 5))
		if c := now(); !c.RealTimeSince.Equal(appTime) || c.RoomOwed != 5 || !c.RealTimeLost.IsZero() {
			t.Errorf("on: %+v", c)
		}
		if a, b, c := count(app.LiveChannels(ctx, 9)), count(app.RealTimeChannels(ctx, 9)), count(app.UntoldRooms(ctx, 9)); a+b+c != 3 {
			t.Errorf("live %d, in real time %d, untold %d, want 1 each", a, b, c)
		}
		on := now()
		if c := must[store.AppChannel](t)(app.RoomTold(ctx, on, false)); c.RoomOwed != 4 {
			t.Errorf("after a failed try: %+v", c)
		}
		if c := must[store.AppChannel](t)(app.RoomTold(ctx, on, true)); c.RoomOwed != 0 || count(app.UntoldRooms(ctx, 9)) != 0 {
			t.Errorf("after it worked: %+v", c)
		}

		lost := appTime.Add(time.Hour)
		viewer := store.AppSeat{Owner: ada.ID, Holder: "bob", Role: store.AppViewer}
		seated := func(participant string, ends time.Duration, want bool) {
			t.Helper()
			if kept, err := app.InsertStageToken(ctx, stageToken(viewer, participant, ends)); err != nil || kept != want {
				t.Errorf("%s: kept %v, %v", participant, kept, err)
			}
		}
		seated("viewer", 2*time.Hour, true)
		seated("viewer of before", time.Hour, true)
		check(t, app.MissHost(ctx, ada.ID, lost))
		check(t, app.MissHost(ctx, ada.ID, lost.Add(time.Minute)))
		if c := now(); !c.RealTimeLost.Equal(lost) {
			t.Errorf("missed since %v", c.RealTimeLost)
		}
		if a, b := count(app.LostChannels(ctx, lost.Add(-time.Second), 9)), count(app.LostChannels(ctx, lost, 9)); a != 0 || b != 1 {
			t.Errorf("lost %d before, %d then", a, b)
		}
		missed := now()
		check(t, app.FindHost(ctx, ada.ID))
		yes(false)(app.StopLost(ctx, missed, 5))  // back meanwhile
		yes(false)(app.StopLost(ctx, now(), 5))   // not missed at all
		check(t, app.MissHost(ctx, ada.ID, lost)) // and gone again
		yes(true)(app.StopLost(ctx, now(), 5))
		if c := now(); !c.RealTimeSince.IsZero() || !c.RealTimeLost.IsZero() || c.RoomOwed != 5 {
			t.Errorf("off: %+v", c)
		}
		if c := must[store.AppChannel](t)(app.RoomTold(ctx, on, true)); c.RoomOwed != 5 {
			t.Errorf("word of what was before settles what is owed now: %+v", c)
		}
		seated("late viewer", 3*time.Hour, false)
		var owed []string
		for _, tok := range must[[]store.AppStageToken](t)(app.OwedDepartures(ctx, "", lost, 10)) {
			owed = append(owed, tok.Participant)
		}
		if got := fmt.Sprint(owed); got != "[late viewer viewer viewer of before]" {
			t.Errorf("who must go: %s", got)
		}
		if _, ok, err := app.StageToken(ctx, viewer, lost); ok || err != nil {
			t.Errorf("a viewer's token is given after the end: %v", err)
		}
		if a, b := count(app.LiveChannels(ctx, 9)), count(app.LostChannels(ctx, lost.Add(time.Hour), 9)); a+b != 0 {
			t.Errorf("live %d, lost %d", a, b)
		}
	})
}
