package room_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
)

// kept gives a world whose room is in the database, where rules can hang on it.
func kept(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.keep(w.room)
	return w
}

func (w *world) keep(s room.Spec) {
	w.t.Helper()
	if _, err := store.NewCollection[struct{}](w.db, arn.Room, nil).Insert(w.t.Context(), s.ARN, &struct{}{}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// must is for calls that work.
func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) ban(user string, until time.Time) {
	n.t.Helper()
	_, err := n.m.Ban(n.t.Context(), n.room.ARN, user, "spam", until)
	n.must(err)
}

func (n *node) timeOut(user string, d time.Duration) {
	n.t.Helper()
	_, err := n.m.TimeOut(n.t.Context(), n.room.ARN, user, "", n.clock.Now().Add(d))
	n.must(err)
}

func (n *node) modes(change func(*room.Modes)) {
	n.t.Helper()
	_, err := n.m.ChangeModes(n.t.Context(), n.room.ARN, change)
	n.must(err)
}

// wantEvent reads an event.
func (c *client) wantEvent(name string, attributes map[string]string) frame {
	c.t.Helper()
	f := c.read()
	if f.Type != "EVENT" || f.EventName != name || f.RequestId != "" {
		c.t.Fatalf("got %+v, want the event %s", f, name)
	}
	if diff := cmp.Diff(attributes, f.Attributes); diff != "" {
		c.t.Fatalf("%s: %s", name, diff)
	}
	return f
}

// wantRefused dials and wants a plain HTTP answer.
func (n *node) wantRefused(user string, status int) {
	n.t.Helper()
	if c, resp := n.dial(n.token(user)); c != nil || resp.StatusCode != status {
		n.t.Fatalf("%s was answered %v, want %d", user, resp.Status, status)
	}
}

func viewer(p *auth.ChatPass)    { p.Delete, p.Disconnect = false, false }
func moderator(p *auth.ChatPass) { p.Disconnect = false }
func guest(p *auth.ChatPass) {
	p.Delete, p.Disconnect, p.Attributes = false, false, map[string]string{"role": "guest"}
}

func follower(p *auth.ChatPass) {
	p.Delete, p.Disconnect, p.Attributes = false, false, map[string]string{"role": "viewer", "follower": "true"}
}

// Each rule by each role: what becomes of a message, the second in the same second.
func TestRulesByRole(t *testing.T) {
	roles := []struct {
		name string
		pass func(*auth.ChatPass)
	}{{"viewer", viewer}, {"follower", follower}, {"guest", guest}, {"moderator", moderator}}
	for _, c := range []struct {
		rule  string
		apply func(n *node)
		codes [4]int // by role; 0: it is said
	}{
		{"none", func(*node) {}, [4]int{0, 0, 0, 0}},
		{"slow mode", func(n *node) { n.modes(func(m *room.Modes) { m.Slow = 30 * time.Second }) }, [4]int{429, 429, 429, 0}},
		{"followers only", func(n *node) { n.modes(func(m *room.Modes) { m.FollowersOnly = true }) }, [4]int{403, 0, 403, 0}},
		{"no guests", func(n *node) { n.modes(func(m *room.Modes) { m.NoGuests = true }) }, [4]int{0, 0, 403, 0}},
		{"followers only by another attribute", func(n *node) {
			n.modes(func(m *room.Modes) { m.FollowersOnly, m.Follower = true, "role=viewer" })
		}, [4]int{403, 0, 403, 0}},
		{"time-out", func(n *node) {
			for _, r := range roles {
				n.timeOut(r.name, time.Minute)
			}
		}, [4]int{403, 403, 403, 403}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := kept(t)
			n := w.node()
			clients := make([]*client, len(roles))
			for i, r := range roles {
				clients[i] = n.join(r.name, r.pass)
			}
			if c.rule == "slow mode" { // the first message is the one that the second is too soon after
				c.apply(n)
			}
			hear := func(i int, code int) {
				clients[i].say("hello")
				if code != 0 {
					awaitError(clients[i], code)
					return
				}
				for _, other := range clients {
					awaitSaid(other, roles[i].name)
				}
			}
			for i := range roles {
				hear(i, 0)
			}
			if c.rule != "slow mode" {
				c.apply(n)
			}
			for i, code := range c.codes {
				hear(i, code)
			}
		})
	}
}

// awaitSaid reads up to what somebody said; events may come before.
func awaitSaid(c *client, user string) {
	c.t.Helper()
	for {
		switch f := c.read(); {
		case f.Type == "ERROR":
			c.t.Fatalf("got %+v, want what %s said", f, user)
		case f.Type == "MESSAGE" && f.Sender.UserId == user:
			return
		}
	}
}

func awaitError(c *client, code int) frame {
	c.t.Helper()
	for {
		if f := c.read(); f.Type == "ERROR" {
			if f.ErrorCode != code {
				c.t.Fatalf("got %+v, want ERROR %d", f, code)
			}
			return f
		}
	}
}

func TestABanEndsAllConnectionsAndRefusesNewOnes(t *testing.T) {
	w := kept(t)
	n := w.node()
	ann, bob, again := n.join("ann"), n.join("bob"), n.join("bob")
	n.ban("bob", time.Time{})
	ann.wantEvent("streamcat:BAN_USER", map[string]string{"UserId": "bob", "Reason": "spam", "Until": ""})
	ann.wantEvent("aws:DISCONNECT_USER", map[string]string{"UserId": "bob", "Reason": "spam"})
	bob.wantClose(websocket.StatusNormalClosure)
	again.wantClose(websocket.StatusNormalClosure)
	n.wantRefused("bob", http.StatusForbidden)
	n.must(n.m.EndPenalty(t.Context(), n.room.ARN, store.ChatBan, "bob"))
	ann.wantEvent("streamcat:UNBAN_USER", map[string]string{"UserId": "bob"})
	n.join("bob").say("back")
	ann.wantSaid("back")
	if err := n.m.EndPenalty(t.Context(), n.room.ARN, store.ChatBan, "bob"); fault.Of(err) != fault.NotFound {
		t.Errorf("ending no ban: %v", err)
	}
}

func TestARefusedBannedUserKeepsTheToken(t *testing.T) {
	w := kept(t)
	n := w.node()
	n.ban("bob", n.clock.Now().Add(10*time.Second))
	token := n.token("bob")
	if c, resp := n.dial(token); c != nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("got %v", resp.Status)
	}
	n.clock.advance(10 * time.Second)
	if c, resp := n.dial(token); c == nil {
		t.Fatalf("after the ban: %v", resp.Status)
	}
}

func TestBansOutliveTheProcessAndEndByTheClock(t *testing.T) {
	w := kept(t)
	first := w.node()
	first.ban("bob", w.clock.Now().Add(time.Hour))
	first.timeOut("carl", time.Hour)
	first.modes(func(m *room.Modes) { m.NoGuests = true })
	first.shutdown()

	n := w.node()
	n.wantRefused("bob", http.StatusForbidden)
	carl, visitor := n.join("carl"), n.join("visitor", guest)
	carl.say("x")
	if f := carl.wantError(403, "said"); !strings.HasSuffix(f.ErrorMessage, "timed out for another 3600 seconds") {
		t.Errorf("said: %q", f.ErrorMessage)
	}
	visitor.say("x")
	visitor.wantError(403, "said")
	n.clock.advance(time.Hour - time.Millisecond)
	n.wantRefused("bob", http.StatusForbidden)
	n.clock.advance(time.Millisecond)
	n.join("bob").say("served")
	n.join("carl").wantNothingButWhatIsSaid("carl")
}

// wantNothingButWhatIsSaid says something and hears it.
func (c *client) wantNothingButWhatIsSaid(user string) {
	c.t.Helper()
	c.say("I may write")
	awaitSaid(c, user)
}

func TestSlowModeSaysHowLongToWait(t *testing.T) {
	w := kept(t)
	n := w.node()
	bob, other := n.join("bob", viewer), n.join("bob", viewer)
	n.modes(func(m *room.Modes) { m.Slow = 30 * time.Second })
	told := map[string]string{"SlowMode": "30", "FollowersOnly": "false", "NoGuests": "false"}
	bob.wantEvent("streamcat:CHAT_MODES", told)
	other.wantEvent("streamcat:CHAT_MODES", told)
	bob.say("one")
	bob.wantSaid("one")
	other.wantSaid("one")
	n.clock.advance(9500 * time.Millisecond)
	other.say("two, on another connection")
	if f := other.wantError(429, "said"); f.ErrorMessage != "slow mode is on: one message in 30 seconds; please wait another 21 seconds" {
		t.Errorf("said: %q", f.ErrorMessage)
	}
	n.clock.advance(20500 * time.Millisecond)
	other.say("three")
	other.wantSaid("three")
	bob.wantSaid("three")
}

func TestTheRoomsRateIsNoPartOfSlowMode(t *testing.T) {
	w := kept(t)
	w.room = w.newRoom(1, 500)
	w.keep(w.room)
	n := w.node()
	ann, bob := n.join("ann", viewer), n.join("bob", viewer)
	n.modes(func(m *room.Modes) { m.Slow = 30 * time.Second })
	ann.say("takes the room's one message")
	awaitSaid(ann, "ann")
	bob.say("too soon for the room")
	awaitError(bob, 429)
	n.clock.advance(time.Second)
	bob.say("not too soon for bob")
	awaitSaid(bob, "bob")
}

func TestRulesHoldOnEveryNode(t *testing.T) {
	a, b := twoNodes(t)
	a.keep(a.room)
	here, there, bob := a.join("ann", viewer), b.join("ann", viewer), b.join("bob", viewer)

	// On the other node rules are in force within a second, and mostly at once.
	a.modes(func(m *room.Modes) { m.Slow = 30 * time.Second })
	until(t, func() bool {
		here.say("counts there, too")
		awaitSaid(here, "ann")
		awaitSaid(there, "ann")
		there.say("too soon")
		if f := there.answer("too soon"); f.Type == "ERROR" {
			return f.ErrorCode == 429
		}
		awaitSaid(here, "ann")
		a.clock.advance(31 * time.Second)
		return false
	})
	a.timeOut("bob", time.Hour)
	until(t, func() bool {
		bob.say("may I?")
		if f := bob.answer("may I?"); f.Type == "ERROR" {
			return f.ErrorCode == 403
		}
		a.clock.advance(31 * time.Second)
		return false
	})
	a.ban("bob", time.Time{})
	bob.wantClose(websocket.StatusNormalClosure)
	b.wantRefused("bob", http.StatusForbidden)
	a.must(a.m.EndPenalty(t.Context(), a.room.ARN, store.ChatBan, "bob"))
	b.join("bob")
}

// answer reads up to what became of a message: itself, or an error.
func (c *client) answer(content string) frame {
	c.t.Helper()
	for {
		if f := c.read(); f.Type == "ERROR" || f.Type == "MESSAGE" && f.Content == content {
			return f
		}
	}
}

// until calls look until it is true.
func until(t *testing.T, look func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !look(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to pass")
		}
	}
}

// A node that was never told finds out by the version, as soon as it looks after the room's settings.
func TestRulesThatNobodyToldOfAreFound(t *testing.T) {
	w := kept(t)
	n := w.node()
	bob, carl := n.join("bob", viewer), n.join("carl")
	now := n.clock.Now()
	n.must(n.db.PutChatPenalty(t.Context(), store.ChatPenalty{Room: n.room.ARN, Kind: store.ChatTimeOut, UserID: "bob", Made: now, Until: now.Add(time.Hour)}, now, 10))
	n.must(n.db.PutChatPenalty(t.Context(), store.ChatPenalty{Room: n.room.ARN, Kind: store.ChatBan, UserID: "carl", Made: now}, now, 10))
	n.clock.advance(time.Second)
	bob.say("x")
	bob.wantError(403, "said")
	carl.wantClose(websocket.StatusNormalClosure) // nobody sent a word of it
}

// Whoever is on the way in while they are banned is out again within moments, however the two meet.
func TestABanMeetsAConnectionOnItsWayIn(t *testing.T) {
	w := kept(t)
	n := w.node()
	mod := n.join("mod")
	for i := range 8 {
		user := fmt.Sprint("bob-", i)
		token, done := n.token(user), make(chan struct{})
		go func() {
			defer close(done)
			if _, err := n.m.Ban(t.Context(), n.room.ARN, user, "", time.Time{}); err != nil {
				t.Error(err)
			}
		}()
		c, resp := n.dial(token)
		<-done
		if c != nil {
			c.wantClose(websocket.StatusNormalClosure)
		} else if resp.StatusCode != http.StatusForbidden {
			t.Fatalf("got %v", resp.Status)
		}
		n.wantRefused(user, http.StatusForbidden)
	}
	mod.say("still here")
	awaitSaid(mod, "mod")
}

func TestThePinnedMessageIsToldAndKept(t *testing.T) {
	w := kept(t)
	n := w.node()
	mod := n.join("mod")
	sent := n.clock.Now()
	p := room.Pinned{MessageID: "AYk6xKitV4On", Content: "rules of the house", UserID: "ann", Attributes: map[string]string{"displayName": "Ann"}, SendTime: sent}
	got, err := n.m.Pin(t.Context(), n.room.ARN, p)
	n.must(err)
	mod.wantEvent("streamcat:PIN_MESSAGE", map[string]string{
		"MessageId": "AYk6xKitV4On", "Content": "rules of the house", "UserId": "ann", "Sender.displayName": "Ann", "SendTime": "2026-11-23T12:00:00.123Z",
	})
	m, err := n.m.Moderation(t.Context(), n.room.ARN)
	n.must(err)
	if diff := cmp.Diff(&got, m.Pinned); diff != "" {
		t.Error(diff)
	}
	mod.send(`{"Action":"DELETE_MESSAGE","Id":"AYk6xKitV4On"}`)
	if f := mod.read(); f.EventName != "aws:DELETE_MESSAGE" {
		t.Errorf("got %+v", f)
	}
	mod.wantEvent("streamcat:UNPIN_MESSAGE", map[string]string{"MessageId": "AYk6xKitV4On"})
	if err := n.m.Unpin(t.Context(), n.room.ARN); fault.Of(err) != fault.NotFound {
		t.Errorf("unpinning nothing: %v", err)
	}
	_, err = n.m.Pin(t.Context(), n.room.ARN, p)
	n.must(err)
	_, err = n.m.DeleteMessage(t.Context(), n.room.ARN, p.MessageID, "")
	n.must(err)
	if m, err = n.m.Moderation(t.Context(), n.room.ARN); err != nil || m.Pinned != nil {
		t.Errorf("a deleted message is pinned: %+v, %v", m, err)
	}
}

func TestModerationThatMakesNoSenseIsRefused(t *testing.T) {
	w := kept(t)
	n := w.node()
	ctx, now := t.Context(), n.clock.Now()
	pin := room.Pinned{MessageID: "AYk6xKitV4On", Content: "x", UserID: "u"}
	for name, err := range map[string]error{
		"a ban of nobody":       second(n.m.Ban(ctx, n.room.ARN, "", "", time.Time{})),
		"a ban that is over":    second(n.m.Ban(ctx, n.room.ARN, "u", "", now)),
		"a long reason":         second(n.m.Ban(ctx, n.room.ARN, "u", strings.Repeat("é", 257), time.Time{})),
		"a NUL in an id":        second(n.m.Ban(ctx, n.room.ARN, "u\x00", "", time.Time{})),
		"an endless time-out":   second(n.m.TimeOut(ctx, n.room.ARN, "u", "", time.Time{})),
		"a long time-out":       second(n.m.TimeOut(ctx, n.room.ARN, "u", "", now.Add(room.MaxTimeOut+time.Second))),
		"a very slow mode":      second(n.m.ChangeModes(ctx, n.room.ARN, func(m *room.Modes) { m.Slow = room.MaxSlow + time.Second })),
		"half a second":         second(n.m.ChangeModes(ctx, n.room.ARN, func(m *room.Modes) { m.Slow = time.Second / 2 })),
		"an attribute's name":   second(n.m.ChangeModes(ctx, n.room.ARN, func(m *room.Modes) { m.Guest = "=guest" })),
		"no attribute at all":   second(n.m.ChangeModes(ctx, n.room.ARN, func(m *room.Modes) { m.Follower = "x" })),
		"a pin of no message":   second(n.m.Pin(ctx, n.room.ARN, room.Pinned{MessageID: "x", Content: "x", UserID: "u"})),
		"a pin without content": second(n.m.Pin(ctx, n.room.ARN, room.Pinned{MessageID: pin.MessageID, UserID: "u"})),
	} {
		if fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := minter.New(arn.Room)
	for name, err := range map[string]error{
		"ban": second(n.m.Ban(ctx, gone, "u", "", time.Time{})), "pin": second(n.m.Pin(ctx, gone, pin)), "unpin": n.m.Unpin(ctx, gone),
		"modes": second(n.m.ChangeModes(ctx, gone, func(*room.Modes) {})), "look": second(n.m.Moderation(ctx, gone)),
		"end": n.m.EndPenalty(ctx, gone, store.ChatBan, "u"),
	} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("%s in no room: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
