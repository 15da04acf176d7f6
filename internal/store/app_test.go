package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

var appTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func appUser(t *testing.T, app *store.App, name string) store.AppUser {
	t.Helper()
	u := store.AppUser{ID: "id-" + name, Username: name, NameKey: name, PasswordHash: "x", State: store.AppProvisioning, Created: appTime}
	if err := app.InsertUser(t.Context(), u, store.AppChannel{Title: "t", Category: "c"}, appTime.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAppNamesAreUnique(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		u := appUser(t, app, "ada")
		again := u
		again.ID = "other"
		if err := app.InsertUser(t.Context(), again, store.AppChannel{}, appTime); fault.Of(err) != fault.Conflict {
			t.Errorf("err = %v, want conflict", err)
		}
		if got, err := app.UserByName(t.Context(), "ada"); err != nil || got != u {
			t.Errorf("user = %+v, %v, want %+v", got, err, u)
		}
		if _, err := app.UserByName(t.Context(), "grace"); fault.Of(err) != fault.NotFound {
			t.Errorf("err = %v, want not found", err)
		}
	})
}

func TestAppClaimsHaveOneHolderAndRunOut(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		u := appUser(t, app, "ada") // claimed for a minute
		claim := func(after time.Duration) bool {
			t.Helper()
			now := appTime.Add(after)
			ok, err := app.ClaimUser(t.Context(), u.ID, now, now.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if claim(30 * time.Second) {
			t.Error("claimed while another holds it")
		}
		var all sync.WaitGroup
		won := make([]bool, 6)
		for i := range won {
			all.Go(func() { won[i] = claim(2 * time.Minute) })
		}
		all.Wait()
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d hold the claim, want 1", n)
		}
		if got, _ := app.UnfinishedUsers(t.Context(), appTime.Add(2*time.Minute), 10); len(got) != 0 {
			t.Errorf("unfinished and free: %v, want none", got)
		}
		if err := app.ReleaseUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if got, _ := app.UnfinishedUsers(t.Context(), appTime.Add(2*time.Minute), 10); len(got) != 1 {
			t.Errorf("unfinished and free: %v, want one", got)
		}
		if err := app.SetUserState(t.Context(), u.ID, store.AppProvisioning, store.AppActive); err != nil {
			t.Fatal(err)
		}
		if claim(time.Hour) {
			t.Error("claimed somebody who is active")
		}
		if err := app.SetUserState(t.Context(), u.ID, store.AppProvisioning, store.AppRemoving); fault.Of(err) != fault.Conflict {
			t.Errorf("err = %v, want conflict", err)
		}
	})
}

func TestAppChannelChangesLeaveTheRestAlone(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		u := appUser(t, app, "ada")
		arn, title := "arn:1", "new"
		for _, ch := range []store.AppChannelChange{{ChannelARN: &arn}, {Title: &title}} {
			if err := app.UpdateChannel(t.Context(), u.ID, ch); err != nil {
				t.Fatal(err)
			}
		}
		want := store.AppChannel{UserID: u.ID, Username: "ada", Created: appTime, ChannelARN: arn, Title: title, Category: "c"}
		if got, err := app.ChannelByARN(t.Context(), arn); err != nil || got != want {
			t.Errorf("channel = %+v, %v, want %+v", got, err, want)
		}
		if _, err := app.ChannelByName(t.Context(), "ada"); fault.Of(err) != fault.NotFound {
			t.Errorf("a half-made person is found by name: %v", err)
		}
		if _, err := app.ChannelByARN(t.Context(), ""); fault.Of(err) != fault.NotFound {
			t.Errorf("a channel that is not made yet is found: %v", err)
		}
		if err := app.UpdateChannel(t.Context(), "nobody", store.AppChannelChange{Title: &title}); fault.Of(err) != fault.NotFound {
			t.Errorf("err = %v, want not found", err)
		}
		if err := app.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Channel(t.Context(), u.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("the channel outlives its person: %v", err)
		}
	})
}

func TestAppChannelsOfManyNames(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		asked := []string{"nobody", "half-made"}
		appUser(t, app, "half-made")
		appUser(t, app, "not-asked")
		want := map[string]bool{}
		for i := range 101 { // more than one query asks for
			u := appUser(t, app, fmt.Sprint("name", i))
			if err := app.SetUserState(t.Context(), u.ID, store.AppProvisioning, store.AppActive); err != nil {
				t.Fatal(err)
			}
			asked = append(asked, u.NameKey)
			want[u.ID] = true
		}
		got, err := app.ChannelsByName(t.Context(), asked)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d channels, %v, want %d", len(got), err, len(want))
		}
		for _, c := range got {
			if !want[c.UserID] || c.Title != "t" {
				t.Errorf("channel = %+v", c)
			}
			delete(want, c.UserID)
		}
		if none, err := app.ChannelsByName(t.Context(), nil); err != nil || len(none) != 0 {
			t.Errorf("no names: %v, %v", none, err)
		}
	})
}

func TestAppStreamsOfOnePersonChangeOneAfterAnother(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		u := appUser(t, app, "ada")
		var all sync.WaitGroup
		for i := range 10 {
			start := appTime.Add(time.Duration(i) * time.Minute)
			for _, change := range []func(*store.AppStream){
				func(s *store.AppStream) { s.Started = start },
				func(s *store.AppStream) { s.Ended, s.Assumed = start.Add(30*time.Second), false },
			} {
				all.Go(func() {
					if err := app.ChangeStream(t.Context(), u.ID, fmt.Sprint(i), change); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		c, err := app.Channel(t.Context(), u.ID)
		if err != nil || c.LiveStream != "" || !c.LastLive.Equal(appTime.Add(9*time.Minute)) {
			t.Errorf("channel = %+v, %v", c, err)
		}
		streams, err := app.Streams(t.Context(), u.ID, 100)
		if err != nil || len(streams) != 10 {
			t.Fatalf("%d streams, %v, want 10", len(streams), err)
		}
		for _, s := range streams {
			if s.Assumed || s.Ended.Sub(s.Started) != 30*time.Second || s.Title != "t" || s.Category != "c" {
				t.Errorf("stream = %+v", s)
			}
		}
	})
}

func TestAppStreamOfAnotherPersonIsLeftAlone(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		ada, eve := appUser(t, app, "ada"), appUser(t, app, "eve")
		started := func(s *store.AppStream) { s.Started = appTime }
		ended := func(s *store.AppStream) { s.Started, s.Ended = appTime, appTime.Add(time.Second) }
		if err := app.ChangeStream(t.Context(), ada.ID, "A", started); err != nil {
			t.Fatal(err)
		}
		if err := app.ChangeStream(t.Context(), eve.ID, "A", ended); err != nil {
			t.Fatal(err)
		}
		live, err := app.LiveChannels(t.Context(), 10)
		if err != nil || len(live) != 1 || live[0].Username != "ada" || live[0].LiveStream != "A" {
			t.Errorf("live = %+v, %v", live, err)
		}
		if err := app.ChangeStream(t.Context(), "nobody", "B", started); fault.Of(err) != fault.NotFound {
			t.Errorf("err = %v, want not found", err)
		}
	})
}

func TestAppSessionsEnd(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app, ctx := db.App(), context.Background()
		put := func(token, data string, end time.Duration) {
			t.Helper()
			if err := app.PutSession(ctx, token, []byte(data), appTime.Add(end)); err != nil {
				t.Fatal(err)
			}
		}
		get := func(token string, after time.Duration) string {
			t.Helper()
			data, ok, err := app.Session(ctx, token, appTime.Add(after))
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return "none"
			}
			return string(data)
		}
		put("a", "one", time.Hour)
		put("a", "two", 2*time.Hour)
		put("b", "three", time.Hour)
		put("c", "four", 3*time.Hour)
		if err := app.DeleteSession(ctx, "c"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			token string
			after time.Duration
			want  string
		}{{"a", 0, "two"}, {"a", time.Hour, "two"}, {"a", 2 * time.Hour, "none"}, {"b", 0, "three"}, {"b", time.Hour, "none"}, {"c", 0, "none"}, {"d", 0, "none"}} {
			if got := get(c.token, c.after); got != c.want {
				t.Errorf("session %s after %v = %s, want %s", c.token, c.after, got, c.want)
			}
		}
		if err := app.PurgeSessions(ctx, appTime.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if a, b := get("a", 0), get("b", 0); a != "two" || b != "none" {
			t.Errorf("after the purge: a = %s, b = %s", a, b)
		}
	})
}

func TestAppStreamsAreTrimmedButForTheNewest(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		app := db.App()
		ada, eve := appUser(t, app, "ada"), appUser(t, app, "eve")
		stream := func(u store.AppUser, id string, started, ended time.Duration) {
			t.Helper()
			if err := app.ChangeStream(t.Context(), u.ID, id, func(s *store.AppStream) {
				if started >= 0 {
					s.Started = appTime.Add(started)
				}
				if ended >= 0 {
					s.Ended = appTime.Add(ended)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		stream(ada, "old", 0, time.Hour)
		stream(ada, "no start told", -1, time.Hour)
		stream(ada, "ends at the limit", time.Hour, 2*time.Hour)
		stream(ada, "live", 3*time.Hour, -1)
		stream(eve, "long ago", 0, time.Minute)
		stream(eve, "newest", time.Minute, time.Hour)

		for _, want := range []int{3, 0} {
			if n, err := app.TrimStreams(t.Context(), appTime.Add(2*time.Hour)); err != nil || n != want {
				t.Errorf("trimmed %d, %v, want %d", n, err, want)
			}
		}
		for u, want := range map[store.AppUser]string{ada: "[live ends at the limit]", eve: "[newest]"} {
			var ids []string
			streams, err := app.Streams(t.Context(), u.ID, 10)
			for _, s := range streams {
				ids = append(ids, s.ID)
			}
			if got := fmt.Sprint(ids); err != nil || got != want {
				t.Errorf("%s has %s, %v, want %s", u.Username, got, err, want)
			}
		}
	})
}
