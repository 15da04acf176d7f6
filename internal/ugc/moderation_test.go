package ugc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// keeper is an engine that keeps order in rooms, and writes down what it is told.
type keeper struct {
	told   []string
	broken error
}

func (k *keeper) tell(format string, args ...any) error {
	if k.broken == nil {
		k.told = append(k.told, fmt.Sprintf(format, args...))
	}
	return k.broken
}

func (k *keeper) Features(context.Context) ([]string, error) {
	return []string{"chat-bans", "chat-history"}, nil
}

func (k *keeper) StreamHealth(context.Context, string) (h StreamHealth, err error) {
	return h, fault.Offline("off air")
}

func (k *keeper) SessionMetrics(context.Context, string, string, time.Time) (m SessionMetrics, err error) {
	return m, fault.Offline("off air")
}

func (k *keeper) Penalize(_ context.Context, _ string, p store.AppPenalty) error {
	return k.tell("%s %s", p.Kind, p.Name)
}

func (k *keeper) EndPenalty(_ context.Context, _ string, kind store.ChatPenaltyKind, userID string) error {
	return k.tell("end %s", kind)
}

func (k *keeper) SetChatModes(_ context.Context, _ string, m ChatModes) error {
	return k.tell("modes %d %t", m.SlowMode, m.NoGuests)
}

func (k *keeper) Pin(_ context.Context, _ string, p PinnedMessage) error {
	return k.tell("pin %s", p.Content)
}
func (k *keeper) Unpin(context.Context, string) error { return k.tell("unpin") }

func (k *keeper) heard() []string {
	told := k.told
	k.told = nil
	return told
}

const someGuest = "guest-0123456789abcdef"

// house is a channel with its owner, two moderators, two viewers, and a guest.
type house struct {
	*world
	people map[string]User
}

func newHouse(t *testing.T, e Engine) *house {
	h := &house{newWorld(t), map[string]User{}}
	h.Engine = e
	for _, name := range []string{"owner", "moda", "modb", "vera", "vito"} {
		h.people[name] = h.register(name + "1")
	}
	h.people["guest"] = User{ID: someGuest, Username: "guest-0001"}
	for _, name := range []string{"moda", "modb"} {
		if _, err := h.AddModerator(t.Context(), "owner1", h.people["owner"], name+"1"); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) chatter(name string) Chatter {
	u := h.people[name]
	return Chatter{UserID: u.ID, Name: u.Username, Guest: name == "guest"}
}

// enter asks for a token: "" is a refusal as banned.
func (h *house) enter(who Chatter) string {
	h.t.Helper()
	pass, err := h.ChatToken(h.t.Context(), "owner1", who)
	var coded *Coded
	if errors.As(err, &coded) && coded.Code == "banned" {
		return "banned"
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if keeps := h.App.Engine != nil; (pass.Past != nil) != keeps {
		h.t.Errorf("the pass says when the past began: %v, and the service keeps one: %t", pass.Past, keeps)
	}
	return strings.Join(pass.Capabilities, " ")
}

func TestWhoMayDoWhatToWhom(t *testing.T) {
	const ok, denied, invalid = fault.Kind(255), fault.Denied, fault.Invalid
	h := newHouse(t, &keeper{})
	actors := []string{"owner", "moda", "vera"}
	for target, want := range map[string][3]fault.Kind{
		"owner": {invalid, denied, denied},
		"moda":  {ok, invalid, denied},
		"modb":  {ok, denied, denied},
		"vito":  {ok, ok, denied},
		"guest": {ok, ok, denied},
		"vera":  {ok, ok, denied}, // not even to herself
	} {
		for i, actor := range actors {
			who, whom := h.people[actor], h.people[target]
			for what, do := range map[string]func() error{
				"ban": func() error {
					_, err := h.Ban(t.Context(), "owner1", who, whom.ID, whom.Username, "", 0)
					return err
				},
				"time out": func() error {
					_, err := h.TimeOut(t.Context(), "owner1", who, whom.ID, whom.Username, "", time.Minute)
					return err
				},
			} {
				err := do()
				if got := fault.Of(err); (err == nil) != (want[i] == ok) || err != nil && got != want[i] {
					t.Errorf("%s %s %s: %v", actor, what, target, err)
				}
				for _, kind := range []store.ChatPenaltyKind{store.ChatBan, store.ChatTimeOut} {
					if err := h.Lift(t.Context(), "owner1", h.people["owner"], kind, whom.ID); err != nil && fault.Of(err) != fault.NotFound {
						t.Fatal(err)
					}
				}
			}
		}
	}
	for _, c := range []struct {
		what string
		do   func(u User) error
		want [3]fault.Kind
	}{
		{"set modes", func(u User) error {
			_, err := h.SetChatModes(t.Context(), "owner1", u, ChatModesChange{NoGuests: new(true)})
			return err
		}, [3]fault.Kind{ok, ok, denied}},
		{"pin", func(u User) error {
			_, err := h.Pin(t.Context(), "owner1", u, PinnedMessage{MessageID: "AYk6xKitV4On", Content: "x", UserID: h.people["vera"].ID})
			return err
		}, [3]fault.Kind{ok, ok, denied}},
		{"unpin", func(u User) error { return h.Unpin(t.Context(), "owner1", u) }, [3]fault.Kind{ok, fault.NotFound, denied}},
		{"delete", func(u User) error {
			return h.DeleteMessage(t.Context(), "owner1", u, Deleted{MessageID: "AYk6xKitV4On"})
		}, [3]fault.Kind{ok, ok, denied}},
		{"see bans", func(u User) error {
			_, _, err := h.ChatPenalties(t.Context(), "owner1", u, store.ChatBan, 10, nil)
			return err
		}, [3]fault.Kind{ok, ok, denied}},
		{"see the log", func(u User) error {
			_, _, err := h.ChatLog(t.Context(), "owner1", u, 10, nil)
			return err
		}, [3]fault.Kind{ok, ok, denied}},
		{"undo", func(u User) error { return h.Undo(t.Context(), "owner1", u, "unknown") }, [3]fault.Kind{fault.NotFound, fault.NotFound, denied}},
		{"see moderators", func(u User) error {
			_, err := h.Moderators(t.Context(), "owner1", u)
			return err
		}, [3]fault.Kind{ok, ok, denied}},
		{"name a moderator", func(u User) error {
			_, err := h.AddModerator(t.Context(), "owner1", u, "vito1")
			return err
		}, [3]fault.Kind{ok, denied, denied}},
		{"dismiss a moderator", func(u User) error { return h.RemoveModerator(t.Context(), "owner1", u, "vito1") }, [3]fault.Kind{ok, denied, denied}},
	} {
		for i, actor := range actors {
			err := c.do(h.people[actor])
			if (err == nil) != (c.want[i] == ok) || err != nil && fault.Of(err) != c.want[i] {
				t.Errorf("%s may %s: %v", actor, c.what, err)
			}
		}
	}
}

func TestTokensSayWhatSomebodyIs(t *testing.T) {
	h := newHouse(t, &keeper{})
	for name, want := range map[string]string{
		"owner": "SEND_MESSAGE DELETE_MESSAGE DISCONNECT_USER", "moda": "SEND_MESSAGE DELETE_MESSAGE DISCONNECT_USER",
		"vera": "SEND_MESSAGE", "guest": "SEND_MESSAGE",
	} {
		if got := h.enter(h.chatter(name)); got != want {
			t.Errorf("%s may %s", name, got)
		}
		state, err := h.ChatState(t.Context(), "owner1", h.chatter(name))
		role := map[string]ChatRole{"owner": ChatOwner, "moda": ChatModerator, "vera": ChatViewer, "guest": ChatGuest}[name]
		if err != nil || state.Role != role {
			t.Errorf("%s is %s: %v", name, state.Role, err)
		}
	}
	if err := h.RemoveModerator(t.Context(), "owner1", h.people["owner"], "moda1"); err != nil {
		t.Fatal(err)
	}
	if got := h.enter(h.chatter("moda")); got != "SEND_MESSAGE" {
		t.Errorf("a former moderator may %s", got)
	}
	if h.cloud.count("DisconnectUser "+h.people["moda"].ID) != 1 {
		t.Error("a former moderator goes on with the old token")
	}
}

func TestABannedPersonIsRefusedUntilTheEnd(t *testing.T) {
	k := &keeper{}
	h := newHouse(t, k)
	vera := h.chatter("vera")
	if _, err := h.Ban(t.Context(), "owner1", h.people["moda"], vera.UserID, "", "spam", time.Hour); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ban vera1"}, k.heard()); diff != "" {
		t.Error(diff)
	}
	h.clock.pass(time.Hour - time.Second)
	if got := h.enter(vera); got != "banned" {
		t.Errorf("may %s", got)
	}
	if got := h.enter(h.chatter("vito")); got != "SEND_MESSAGE" {
		t.Errorf("somebody else may %s", got)
	}
	h.clock.pass(time.Second)
	if got := h.enter(vera); got != "SEND_MESSAGE" {
		t.Errorf("after the ban: %s", got)
	}
}

// What a server can know of guests: the browser, by its cookie, and the network they come from.
func TestABannedGuestsNewSelfIsRefused(t *testing.T) {
	h := newHouse(t, &keeper{})
	guest := func(n int, device, network string) Chatter {
		id := fmt.Sprintf("guest-%016x", n)
		if device == "" {
			device = id
		}
		return Chatter{UserID: id, Name: "guest-0001", Guest: true, Device: device, Network: network}
	}
	bad := guest(1, "", "203.0.113.7")
	vera := h.chatter("vera")
	vera.Device, vera.Network = guest(7, "", "").UserID, "198.51.100.1"
	h.enter(bad)
	h.enter(vera)
	for _, id := range []string{bad.UserID, vera.UserID} {
		if _, err := h.Ban(t.Context(), "owner1", h.people["owner"], id, "", "", 0); err != nil {
			t.Fatal(err)
		}
	}
	vito := h.chatter("vito")
	vito.Network = bad.Network
	for name, c := range map[string]struct {
		who  Chatter
		want string
	}{
		"the same guest from elsewhere":      {guest(1, "", "192.0.2.9"), "banned"},
		"another guest of that network":      {guest(2, "", "203.0.113.7"), "banned"},
		"another guest from elsewhere":       {guest(3, "", "192.0.2.9"), "SEND_MESSAGE"},
		"a guest of nobody knows where":      {guest(4, "", ""), "SEND_MESSAGE"},
		"a person of the guest's network":    {vito, "SEND_MESSAGE"},
		"a banned person, signed out":        {guest(7, "", "192.0.2.9"), "banned"},
		"a banned person, signed out abroad": {guest(8, "", "198.51.100.1"), "banned"},
	} {
		if got := h.enter(c.who); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	h.clock.pass(networkEpoch)
	if got := h.enter(guest(5, "", "203.0.113.7")); got != "SEND_MESSAGE" {
		t.Errorf("a network is held against guests for a week, not for ever: %s", got)
	}
	if got := h.enter(guest(1, "", "")); got != "banned" {
		t.Errorf("the guest is banned for ever: %s", got)
	}
}

func TestTheServiceHearsLaterOfWhatItMissed(t *testing.T) {
	k := &keeper{broken: errors.New("away")}
	h := newHouse(t, k)
	vera := h.chatter("vera")
	owner := h.people["owner"]
	if _, err := h.Ban(t.Context(), "owner1", owner, vera.UserID, "", "", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SetChatModes(t.Context(), "owner1", owner, ChatModesChange{SlowMode: new(30)}); err != nil {
		t.Fatal(err)
	}
	if got := h.enter(vera); got != "banned" {
		t.Errorf("meanwhile: %s", got)
	}
	if err := h.settleChat(t.Context()); err == nil {
		t.Error("the service is away, and nobody says so")
	}
	k.broken = nil
	for range 2 { // the second time nothing is owed
		if err := h.settleChat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"ban vera1", "modes 30 false"}, k.heard()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatWasDoneIsWrittenDownAndTakenBack(t *testing.T) {
	k := &keeper{}
	h := newHouse(t, k)
	owner, moda, vera := h.people["owner"], h.people["moda"], h.people["vera"]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h.clock.pass(time.Second)
	_, err := h.Ban(t.Context(), "owner1", moda, vera.ID, "", "spam", 0)
	must(err)
	h.clock.pass(time.Second)
	_, err = h.SetChatModes(t.Context(), "owner1", owner, ChatModesChange{SlowMode: new(30), NoGuests: new(true)})
	must(err)
	h.clock.pass(time.Second)
	_, err = h.Pin(t.Context(), "owner1", moda, PinnedMessage{MessageID: "AYk6xKitV4On", Content: " rules ", UserID: vera.ID})
	must(err)
	h.clock.pass(time.Second)
	must(h.DeleteMessage(t.Context(), "owner1", moda, Deleted{MessageID: "AbCdEfGhIjKl", UserID: vera.ID, Name: "vera1", Content: "rude"}))
	h.clock.pass(time.Second)
	entries, _, err := h.ChatLog(t.Context(), "owner1", owner, 4, nil)
	must(err)
	var got []string
	ids := map[string]string{}
	for _, e := range entries {
		got = append(got, fmt.Sprint(e.Actor, " ", e.Action, " ", e.CanUndo, " ", string(e.Detail)))
		ids[e.Action] = e.ID
	}
	if diff := cmp.Diff([]string{
		`moda1 delete false {"content":"rude","messageId":"AbCdEfGhIjKl","reason":""}`,
		`moda1 pin true {"content":"rules","messageId":"AYk6xKitV4On"}`,
		`owner1 modes true {"before":{"slowMode":0,"followersOnly":false,"noGuests":false},"after":{"slowMode":30,"followersOnly":false,"noGuests":true}}`,
		`moda1 ban true {"reason":"spam","until":null}`,
	}, got); diff != "" {
		t.Error(diff)
	}
	k.heard()
	var coded *Coded
	if err := h.Undo(t.Context(), "owner1", owner, ids["delete"]); !errors.As(err, &coded) || coded.Code != "not-undoable" {
		t.Errorf("undoing a deletion: %v", err)
	}
	for _, action := range []string{"pin", "modes", "ban"} {
		must(h.Undo(t.Context(), "owner1", owner, ids[action]))
		if err := h.Undo(t.Context(), "owner1", owner, ids[action]); !errors.As(err, &coded) || coded.Code != "changed-since" {
			t.Errorf("undoing %s twice: %v", action, err)
		}
	}
	if diff := cmp.Diff([]string{"unpin", "modes 0 false", "end ban"}, k.heard()); diff != "" {
		t.Error(diff)
	}
	if got := h.enter(h.chatter("vera")); got != "SEND_MESSAGE" {
		t.Errorf("after the ban was undone: %s", got)
	}

	// What the owner has done moderators do not undo, nor what is not so any more.
	h.clock.pass(time.Second)
	_, err = h.Ban(t.Context(), "owner1", owner, vera.ID, "", "", 0)
	must(err)
	h.clock.pass(time.Second)
	entries, _, err = h.ChatLog(t.Context(), "owner1", moda, 1, nil)
	must(err)
	if err := h.Undo(t.Context(), "owner1", moda, entries[0].ID); fault.Of(err) != fault.Denied {
		t.Errorf("a moderator undoes what the owner did: %v", err)
	}
	h.clock.pass(time.Second)
	_, err = h.Ban(t.Context(), "owner1", owner, vera.ID, "", "again", 0)
	must(err)
	if err := h.Undo(t.Context(), "owner1", owner, entries[0].ID); !errors.As(err, &coded) || coded.Code != "changed-since" {
		t.Errorf("undoing the former of two bans: %v", err)
	}
	var all []string
	var after *store.Cursor
	for {
		page, next, err := h.ChatLog(t.Context(), "owner1", owner, 3, after)
		must(err)
		for _, e := range page {
			all = append(all, e.ID)
		}
		if after = next; after == nil {
			break
		}
	}
	if n := len(all); n != 11 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != n {
		t.Errorf("%d entries: %v", n, all)
	}
}

// Amazon has no word for any of it: there tokens and disconnecting are all there is.
func TestWithoutTheEngineTokensKeepOrder(t *testing.T) {
	h := newHouse(t, nil)
	owner, vera := h.people["owner"], h.chatter("vera")
	if _, err := h.TimeOut(t.Context(), "owner1", owner, vera.UserID, "", "", time.Minute); err != nil {
		t.Fatal(err)
	}
	if h.cloud.count("DisconnectUser "+vera.UserID) != 1 {
		t.Error("who is timed out goes on with the old token")
	}
	if got := h.enter(vera); got != "" {
		t.Errorf("who is timed out may %s", got)
	}
	if _, err := h.Ban(t.Context(), "owner1", owner, vera.UserID, "", "", 0); err != nil {
		t.Fatal(err)
	}
	if h.cloud.count("DisconnectUser "+vera.UserID) != 2 || h.enter(vera) != "banned" {
		t.Error("who is banned stays")
	}
	var coded *Coded
	if _, err := h.SetChatModes(t.Context(), "owner1", owner, ChatModesChange{SlowMode: new(30)}); !errors.As(err, &coded) || coded.Code != "not-available" {
		t.Errorf("slow mode: %v", err)
	}
	if _, err := h.SetChatModes(t.Context(), "owner1", owner, ChatModesChange{NoGuests: new(true)}); err != nil {
		t.Fatal(err)
	}
	if a, b := h.enter(h.chatter("guest")), h.enter(h.chatter("vito")); a != "" || b != "SEND_MESSAGE" {
		t.Errorf("a guest may %q, a person %q", a, b)
	}
	if _, err := h.Pin(t.Context(), "owner1", owner, PinnedMessage{MessageID: "AYk6xKitV4On", Content: "x", UserID: owner.ID}); err != nil {
		t.Fatal(err)
	}
	if last := h.cloud.said[len(h.cloud.said)-1]; last.name != pinEvent || last.attributes["MessageId"] != "AYk6xKitV4On" {
		t.Errorf("the room was told %+v", last)
	}
	if state, err := h.ChatState(t.Context(), "owner1", h.chatter("guest")); err != nil || state.Pinned == nil || state.Pinned.Content != "x" || state.Available.SlowMode {
		t.Errorf("%+v %v", state, err)
	}
}
