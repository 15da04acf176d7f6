package ugc

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const visitor = "guest-0123456789abcdef"

func (w *world) invite(owner User, userID, name string) Invitation {
	w.t.Helper()
	i, err := w.Invite(w.t.Context(), owner.ID, userID, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) states(owner User) (out string) {
	w.t.Helper()
	s, err := w.Studio(w.t.Context(), owner.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range s.Invitations {
		out += fmt.Sprint(" ", i.Name, " ", i.State)
	}
	return out
}

func TestAnInvitationReachesTheRoomWithoutAnySecret(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	i := w.invite(ada, visitor, "guest-0007")
	if i.State != store.AppWaiting || !i.Guest || i.Name != "guest-0007" || i.UserID != visitor || i.ParticipantID == "" || !i.ExpiresAt.Equal(i.CreatedAt.Add(time.Hour)) {
		t.Errorf("invitation = %+v", i)
	}
	c, _ := w.rows.Channel(t.Context(), ada.ID)
	want := said{c.RoomARN, "StreamCat:MultihostInvite", map[string]string{
		"userId": visitor, "invitation": i.ID, "channel": "ada", "host": "ada", "expiresAt": i.ExpiresAt.Format(time.RFC3339),
	}}
	if got := fmt.Sprint(w.cloud.said); got != fmt.Sprint([]said{want}) {
		t.Errorf("said %s", got)
	}
	w.clock.pass(30 * time.Minute)
	again := w.invite(ada, visitor, "guest-0007")
	if again.ID != i.ID || again.ParticipantID != i.ParticipantID || !again.ExpiresAt.After(i.ExpiresAt) {
		t.Errorf("invited again: %+v", again)
	}
	if got := w.roomHeard(inviteEvent, "invitation"); len(got) != 2 || got[1] != i.ID {
		t.Errorf("said %q", got)
	}
	if n := w.cloud.count("CreateParticipantToken"); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestOnlyRealPeopleOtherThanTheOwnerAreInvited(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("Bob")
	for userID, want := range map[string]fault.Kind{
		ada.ID: fault.Invalid, "nobody": fault.NotFound, "guest-xyz": fault.NotFound, "guest-0123456789abcdef0": fault.NotFound, "": fault.NotFound,
	} {
		if _, err := w.Invite(t.Context(), ada.ID, userID, "x"); fault.Of(err) != want {
			t.Errorf("inviting %q: %v, want %v", userID, err, want)
		}
	}
	if i := w.invite(ada, bob.ID, "ada"); i.Name != "Bob" || i.Guest {
		t.Errorf("a person invited under another name: %+v", i)
	}
	if i := w.invite(ada, visitor, "Bob"); i.Name != "guest" || !i.Guest {
		t.Errorf("a guest invited under a person's name: %+v", i)
	}
}

func TestAnInvitationIsForItsHolderAlone(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.register("ada"), w.register("bob"), w.register("eve")
	i := w.invite(ada, bob.ID, "")
	for what, c := range map[string]struct {
		channel, invitation string
		who                 Chatter
		want                string
	}{
		"somebody else":          {"ada", i.ID, Chatter{UserID: eve.ID, Name: "eve"}, "not-yours"},
		"the owner":              {"ada", i.ID, Chatter{UserID: ada.ID, Name: "ada"}, "not-yours"},
		"on another channel":     {"eve", i.ID, Chatter{UserID: bob.ID, Name: "bob"}, "not found"},
		"one that never was":     {"ada", "nothing", Chatter{UserID: bob.ID, Name: "bob"}, "not found"},
		"a channel that is none": {"nobody", i.ID, Chatter{UserID: bob.ID, Name: "bob"}, "not found"},
	} {
		if tok, _, err := w.Join(t.Context(), c.channel, c.invitation, c.who); code(err) != c.want || tok.Token != "" {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if got := w.states(ada); got != " bob waiting" {
		t.Errorf("then it is%s", got)
	}
	tok, host, err := w.Join(t.Context(), "ADA", i.ID, Chatter{UserID: bob.ID, Name: "bob"})
	if err != nil || host != "ada" || tok.ParticipantID != i.ParticipantID || tok.Username != "bob" {
		t.Errorf("joined as %+v of %s, %v", tok, host, err)
	}
	if got := w.states(ada); got != " bob joined" {
		t.Errorf("then it is%s", got)
	}
}

func TestAnInvitationThatNobodyTookUpExpiresAndOneThatWasStaysGood(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	bobChats := Chatter{UserID: bob.ID, Name: "bob"}
	taken, missed := w.invite(ada, bob.ID, ""), w.invite(ada, visitor, "guest-0007")
	first, _, err := w.Join(t.Context(), "ada", taken.ID, bobChats)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.pass(invitationFor - time.Second)
	if got := w.states(ada); got != " bob joined guest-0007 waiting" && got != " guest-0007 waiting bob joined" {
		t.Errorf("before the hour ends:%s", got)
	}
	w.clock.pass(time.Second)
	if _, _, err := w.Join(t.Context(), "ada", missed.ID, Chatter{UserID: visitor, Name: "guest-0007", Guest: true}); code(err) != "expired" {
		t.Errorf("an hour later: %v", err)
	}
	w.clock.pass(11*time.Hour - nearEnd - time.Second)
	if again, _, err := w.Join(t.Context(), "ada", taken.ID, bobChats); err != nil || again != first {
		t.Errorf("hours later: %+v, %v", again, err)
	}
	w.clock.pass(time.Second)
	renewed, _, err := w.Join(t.Context(), "ada", taken.ID, bobChats)
	if err != nil || renewed.ParticipantID == first.ParticipantID {
		t.Errorf("near its end: %+v, %v", renewed, err)
	}
	if fresh := w.invite(ada, visitor, "guest-0007"); fresh.ID == missed.ID || fresh.ParticipantID == missed.ParticipantID {
		t.Errorf("invited anew: %+v", fresh)
	}
}

func TestWhoIsRemovedHasNoTokenThatWorks(t *testing.T) {
	for name, end := range map[string]func(w *world, ada User, i Invitation, participant string) error{
		"removed":   func(w *world, ada User, _ Invitation, p string) error { return w.Remove(w.t.Context(), ada.ID, p) },
		"withdrawn": func(w *world, ada User, i Invitation, _ string) error { return w.Withdraw(w.t.Context(), ada.ID, i.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ada, bob := w.register("ada"), w.register("bob")
			bobChats := Chatter{UserID: bob.ID, Name: "bob"}
			i := w.invite(ada, bob.ID, "")
			first, _, err := w.Join(t.Context(), "ada", i.ID, bobChats)
			if err != nil {
				t.Fatal(err)
			}
			w.clock.pass(12*time.Hour - 5*time.Second)
			second, _, err := w.Join(t.Context(), "ada", i.ID, bobChats)
			if err != nil || second.ParticipantID == first.ParticipantID {
				t.Fatal(second, err)
			}
			if err := end(w, ada, i, first.ParticipantID); err != nil { // a page may still know the old one
				t.Fatal(err)
			}
			if !w.sitting(first.ParticipantID).out || !w.sitting(second.ParticipantID).out {
				t.Error("a token that has not ended still works")
			}
			if _, _, err := w.Join(t.Context(), "ada", i.ID, bobChats); code(err) != name {
				t.Errorf("joining again: %v", err)
			}
			calls := w.cloud.count("DisconnectParticipant")
			if err := end(w, ada, i, second.ParticipantID); err != nil {
				t.Errorf("once more: %v", err)
			}
			if err := w.checkStages(t.Context()); err != nil || w.cloud.count("DisconnectParticipant") != calls {
				t.Errorf("disconnected once more: %v", err)
			}
			if got := w.states(ada); got != " bob "+name {
				t.Errorf("it is%s", got)
			}
			fresh := w.invite(ada, bob.ID, "")
			if tok, _, err := w.Join(t.Context(), "ada", fresh.ID, bobChats); err != nil || tok.ParticipantID == second.ParticipantID || w.sitting(tok.ParticipantID).out {
				t.Errorf("invited again: %+v, %v", tok, err)
			}
		})
	}
}

func TestAGuestLongerThereThanTheirTokenIsRemoved(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	i := w.invite(ada, bob.ID, "")
	tok, _, err := w.Join(t.Context(), "ada", i.ID, Chatter{UserID: bob.ID, Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.pass(13 * time.Hour)
	if err := w.Remove(t.Context(), ada.ID, tok.ParticipantID); err != nil || !w.sitting(tok.ParticipantID).out {
		t.Errorf("still on the stage: %v", err)
	}
}

// A token that cannot be given again may be in use all the same.
func TestAGuestWhoseStoredTokenDoesNotOpenIsRemoved(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	i := w.invite(ada, bob.ID, "")
	who := Chatter{UserID: bob.ID, Name: "bob"}
	first, _, err := w.Join(t.Context(), "ada", i.ID, who)
	if err != nil {
		t.Fatal(err)
	}
	w.Sealer = otherKeys{}
	second, _, err := w.Join(t.Context(), "ada", i.ID, who)
	if err != nil || second.ParticipantID == first.ParticipantID {
		t.Fatal(second, err)
	}
	if err := w.Remove(t.Context(), ada.ID, second.ParticipantID); err != nil {
		t.Fatal(err)
	}
	if !w.sitting(first.ParticipantID).out || !w.sitting(second.ParticipantID).out {
		t.Error("still on the stage")
	}
}

func TestADisconnectionThatFailedIsTriedUntilItWorks(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	i := w.invite(ada, bob.ID, "")
	w.cloud.goWrong("DisconnectParticipant", mishap{}, mishap{})
	if err := w.Withdraw(t.Context(), ada.ID, i.ID); fault.Of(err) != fault.Unavailable {
		t.Errorf("err = %v, want unavailable", err)
	}
	if _, _, err := w.Join(t.Context(), "ada", i.ID, Chatter{UserID: bob.ID}); code(err) != "withdrawn" {
		t.Errorf("joining: %v", err)
	}
	if err := w.checkStages(t.Context()); err == nil || w.sitting(i.ParticipantID).out {
		t.Errorf("the second try: %v", err)
	}
	if err := w.checkStages(t.Context()); err != nil || !w.sitting(i.ParticipantID).out {
		t.Errorf("the third try: %v", err)
	}
}

func TestAnInvitationClosedWhileItsTokenIsMadeGivesNone(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	w.cloud.goWrong("CreateParticipantToken", mishap{late: true, answered: true, meanwhile: func() {
		s, err := w.Studio(t.Context(), ada.ID)
		if err != nil {
			t.Error(err)
		}
		if err := w.Withdraw(t.Context(), ada.ID, s.Invitations[0].ID); err != nil {
			t.Error(err)
		}
	}})
	if _, err := w.Invite(t.Context(), ada.ID, bob.ID, ""); fault.Of(err) != fault.Conflict {
		t.Errorf("err = %v, want conflict", err)
	}
	if len(w.cloud.seated) != 1 || !w.cloud.seated[0].out {
		t.Error("the token works")
	}
	if got := w.roomHeard(inviteEvent, "userId"); got != nil {
		t.Errorf("the room was told: %q", got)
	}
}

func TestNobodyActsOnAnothersStage(t *testing.T) {
	w := newWorld(t)
	ada, bob, eve := w.register("ada"), w.register("bob"), w.register("eve")
	host := w.hostToken(ada)
	i := w.invite(ada, bob.ID, "")
	for what, err := range map[string]error{
		"withdrawing":         w.Withdraw(t.Context(), eve.ID, i.ID),
		"removing":            w.Remove(t.Context(), eve.ID, i.ParticipantID),
		"removing the host":   w.Remove(t.Context(), eve.ID, host.ParticipantID),
		"removing by a guest": w.Remove(t.Context(), bob.ID, host.ParticipantID),
	} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("%s: %v, want not found", what, err)
		}
	}
	if err := w.Remove(t.Context(), ada.ID, host.ParticipantID); fault.Of(err) != fault.Invalid {
		t.Errorf("removing oneself: %v", err)
	}
	if n := w.cloud.count("DisconnectParticipant"); n != 0 {
		t.Errorf("%d were disconnected", n)
	}
	w.invite(eve, bob.ID, "")
	c, _ := w.rows.Channel(t.Context(), eve.ID)
	if last := w.cloud.said[len(w.cloud.said)-1]; last.room != c.RoomARN {
		t.Errorf("eve's invitation went into the room %s", last.room)
	}
}

func TestOpenInvitationsAreBounded(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	var first Invitation
	for n := range maxInvitations {
		i := w.invite(ada, fmt.Sprintf("guest-%016x", n), "guest-0001")
		if n == 0 {
			first = i
		}
	}
	if _, err := w.Invite(t.Context(), ada.ID, visitor, ""); code(err) != "too-many-invitations" || fault.Of(err) != fault.Conflict {
		t.Errorf("one too many: %v", err)
	}
	if err := w.Withdraw(t.Context(), ada.ID, first.ID); err != nil {
		t.Fatal(err)
	}
	w.invite(ada, visitor, "")
}

func TestARoomThatDoesNotAnswerIsToldAgain(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	w.cloud.goWrong("SendEvent", mishap{}, mishap{})
	w.invite(ada, visitor, "guest-0007")
	if got := w.roomHeard(inviteEvent, "userId"); len(got) != 1 {
		t.Errorf("said %q", got)
	}
	w.cloud.goWrong("SendEvent", mishap{lasting: true, err: errors.New("gone")})
	if _, err := w.Invite(t.Context(), ada.ID, visitor, ""); fault.Of(err) != fault.Unavailable {
		t.Errorf("err = %v, want unavailable", err)
	}
	if got := w.states(ada); got != " guest-0007 waiting" && got != " guest waiting" {
		t.Errorf("then it is%s", got)
	}
}
