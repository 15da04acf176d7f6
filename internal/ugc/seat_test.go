package ugc

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestAStoredTokenIsUsedAgainUntilTenSecondsBeforeItsEnd(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	begun := w.clock.Now()
	first := w.hostToken(ada)
	if first.Token != "token of "+first.ParticipantID || first.UserID != ada.ID || first.Username != "ada" ||
		!first.Expires.Equal(begun.Add(12*time.Hour)) || !strings.HasSuffix(w.cloud.seated[0].stage, "/"+first.StageID) {
		t.Errorf("token = %+v", first)
	}
	for _, c := range []struct {
		pass  time.Duration
		fresh bool
	}{
		{11 * time.Hour, false},
		{time.Hour - 11*time.Second, false},                    // 11 s left
		{time.Second - time.Millisecond, false},                // a little more than 10 s
		{time.Millisecond, true},                               // 10 s
		{12*time.Hour - nearEnd - 2*time.Millisecond, false},   // of the second one
		{2*time.Millisecond + nearEnd - time.Nanosecond, true}, // which has all but ended
	} {
		w.clock.pass(c.pass)
		before := w.hostToken(ada)
		if fresh := before.ParticipantID != first.ParticipantID; fresh != c.fresh {
			t.Errorf("%v later (%v left): a new token %v, want %v", c.pass, first.Expires.Sub(w.clock.Now()), fresh, c.fresh)
		}
		first = before
	}
	if n := w.cloud.count("CreateParticipantToken"); n != 3 {
		t.Errorf("%d tokens were made, want 3", n)
	}
}

func TestTokensOfEachRoleMayWhatTheRoleNeeds(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	host := w.hostToken(ada)
	w.publishes(host.ParticipantID)
	if _, err := w.GoRealTime(t.Context(), ada.ID, true); err != nil {
		t.Fatal(err)
	}
	viewer, err := w.ViewerToken(t.Context(), "ADA", Chatter{UserID: "guest-0123456789abcdef", Name: "guest-0007", Guest: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.ViewerToken(t.Context(), "ada", Chatter{UserID: ada.ID, Name: "ada"}, "")
	if err != nil {
		t.Fatal(err)
	}
	i, err := w.Invite(t.Context(), ada.ID, bob.ID, "whatever the page says")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		participant, user, name, role string
		capabilities                  int
		ends                          time.Duration
	}{
		{host.ParticipantID, ada.ID, "ada", "host", 2, 12 * time.Hour},
		{viewer.ParticipantID, "guest-0123456789abcdef", "guest-0007", "viewer", 1, time.Hour},
		{own.ParticipantID, ada.ID, "ada", "viewer", 1, time.Hour},
		{i.ParticipantID, bob.ID, "bob", "guest", 2, 12 * time.Hour},
	} {
		p := w.sitting(c.participant)
		if p.user != c.user || p.attributes["username"] != c.name || p.attributes["role"] != c.role || p.capabilities != c.capabilities {
			t.Errorf("%s: %+v, want %+v", c.role, p, c)
		}
		stored, err := w.rows.StageTokenOf(t.Context(), ada.ID, c.participant)
		if err != nil || !stored.Expires.Equal(w.clock.Now().Add(c.ends)) || string(stored.Role) != c.role {
			t.Errorf("%s is stored as %+v, %v", c.role, stored, err)
		}
	}
}

func TestSeveralWhoAskAtOnceGetOneToken(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	other := New(w.Deps) // another process on the same database
	got := make([]StageToken, 12)
	// The first call is answered once all want a token and have looked for it again and again.
	w.cloud.goWrong("CreateParticipantToken", mishap{late: true, answered: true, meanwhile: func() {
		tick, late := time.NewTicker(time.Millisecond), time.After(20*time.Second)
		defer tick.Stop()
		for wanted, looked := false, 0; !wanted || w.clock.looked() < looked+4*len(got); {
			if !wanted && len(w.seating)+len(other.seating) == len(got) {
				wanted, looked = true, w.clock.looked()
			}
			select {
			case <-tick.C:
			case <-late:
				t.Error("nobody waits for the one who makes the token")
				return
			}
		}
	}})
	var all sync.WaitGroup
	for n := range got {
		all.Go(func() {
			app := w.App
			if n%2 == 1 {
				app = other
			}
			var err error
			if got[n], err = app.HostToken(t.Context(), ada.ID, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, tok := range got {
		if tok != got[0] {
			t.Errorf("%+v and %+v", tok, got[0])
		}
	}
	if n := w.cloud.count("CreateParticipantToken"); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestATokenThatCouldNotBeMadeIsMadeTheNextTime(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	for _, m := range []mishap{{}, {late: true}} {
		w.cloud.goWrong("CreateParticipantToken", m)
		if _, err := w.HostToken(t.Context(), ada.ID, ""); fault.Of(err) != fault.Unavailable {
			t.Errorf("err = %v, want unavailable", err)
		}
	}
	if tok := w.hostToken(ada); tok.Token == "" {
		t.Error("no token")
	}
}

func TestAClaimWhoseHolderDiedRunsOut(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	now := w.clock.Now()
	seat := store.AppSeat{Owner: ada.ID, Holder: ada.ID, Role: store.AppHost}
	if ok, err := w.rows.ClaimSeat(t.Context(), seat, now, now.Add(makeFor)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	got := make(chan StageToken, 1)
	go func() {
		tok, err := w.HostToken(t.Context(), ada.ID, "")
		if err != nil {
			t.Error(err)
		}
		got <- tok
	}()
	w.clock.pass(makeFor)
	if tok := <-got; tok.Token == "" {
		t.Error("no token")
	}
}

func TestATokenThatTheServiceRefusesIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	ada, eve := w.register("ada"), w.register("eve")
	first, hers := w.hostToken(ada), w.hostToken(eve)
	for _, refused := range []string{hers.ParticipantID, "unknown"} {
		if tok, err := w.HostToken(t.Context(), ada.ID, refused); err != nil || tok != first {
			t.Errorf("refused %s: %+v, %v", refused, tok, err)
		}
	}
	if again := w.hostToken(eve); again != hers {
		t.Error("somebody took another's token out of use")
	}
	second, err := w.HostToken(t.Context(), ada.ID, first.ParticipantID)
	if err != nil || second.ParticipantID == first.ParticipantID {
		t.Errorf("after the refusal: %+v, %v", second, err)
	}
	if third := w.hostToken(ada); third != second {
		t.Errorf("then %+v", third)
	}
}

func TestTokensAreSealedInTheDatabaseAndUselessElsewhere(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	first := w.hostToken(ada)
	stored, err := w.rows.StageTokenOf(t.Context(), ada.ID, first.ParticipantID)
	if err != nil || bytes.Equal(stored.Sealed, []byte(first.Token)) || !bytes.HasPrefix(stored.Sealed, []byte("sealed|stage token "+first.ParticipantID)) {
		t.Errorf("stored as %q, %v", stored.Sealed, err)
	}
	w.Sealer = otherKeys{}
	second := w.hostToken(ada)
	if second.ParticipantID == first.ParticipantID {
		t.Error("a token that does not open was given")
	}
	w.Sealer = noKeys{}
	if _, err := New(Deps{DB: w.DB, Channels: w.cloud, Rooms: w.cloud, Stages: w.cloud, Now: w.clock.Now}).HostToken(t.Context(), ada.ID, ""); err == nil {
		t.Error("an app without keys gives tokens")
	}
}

// otherKeys opens nothing that plainSealer sealed.
type otherKeys struct{ plainSealer }

func (otherKeys) Open(sealed []byte, context string) ([]byte, error) {
	return plainSealer{}.Open(bytes.TrimPrefix(sealed, []byte("other ")), context+" of another server")
}
