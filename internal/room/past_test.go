package room_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/room"
)

func keeping(frames int) func(*room.Deps) {
	return func(d *room.Deps) { d.History, d.LimitsOff = frames, true }
}

// texts reads so many frames: the content of messages, the name of events. None may tell of a request.
func (c *client) texts(n int) (all []string) {
	c.t.Helper()
	for range n {
		f := c.read()
		if f.RequestId != "" {
			c.t.Errorf("a frame of the past has the RequestId %q", f.RequestId)
		}
		all = append(all, f.Content+f.EventName)
	}
	return all
}

// wantTexts reads what is kept of the past, and sees by a new message that there is no more.
func (c *client) wantTexts(want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.texts(len(want))); diff != "" {
		c.t.Errorf("the past is another: %s", diff)
	}
	c.say("now")
	c.wantSaid("now")
}

func (n *node) wantHistory(query string, want ...string) {
	n.t.Helper()
	c := n.joinWith(query, "late")
	if diff := cmp.Diff(want, c.texts(len(want))); diff != "" {
		n.t.Errorf("%s: the past is another: %s", query, diff)
	}
	c.send(`{"Action":"SEND_MESSAGE","RequestId":"no content"}`)
	c.wantError(400, "no content") // so nothing else was sent before
	_ = c.ws.CloseNow()
}

func TestPastIsSentToWhoAsks(t *testing.T) {
	n := newNode(t, keeping(4))
	ann := n.join("ann")
	n.wantHistory("?history=50")
	var seen []frame
	for i := range 6 {
		ann.say(fmt.Sprint(i))
		seen = append(seen, ann.wantSaid(fmt.Sprint(i)))
	}
	n.wantHistory("")
	n.wantHistory("?x=1")
	n.wantHistory("?history=0")
	n.wantHistory("?history=2", "4", "5")
	n.wantHistory("?history=1000", "2", "3", "4", "5")
	n.wantHistory("?after="+seen[3].Id, "4", "5")
	n.wantHistory("?after=" + seen[5].Id)
	n.wantHistory("?history=1&after="+seen[2].Id, "5")
	n.wantHistory("?after="+seen[0].Id, "2", "3", "4", "5") // it is not kept any more
	n.wantHistory("?after=AbCdEfGh1234", "2", "3", "4", "5")

	late := n.joinWith("?history=1", "late")
	got, want := late.read(), seen[5]
	want.RequestId = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the frame changed: %s", diff)
	}
	ann.say("now")
	late.wantSaid("now")
}

func TestNothingIsKeptWhereThatIsOff(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	ann.say("gone with the wind")
	ann.wantSaid("gone with the wind")
	n.wantHistory("?history=50")
	if past, more, err := n.m.History(t.Context(), n.room.ARN, 0, 10); err != nil || len(past) > 0 || more {
		t.Errorf("kept: %v, %v (%v)", past, more, err)
	}
}

func TestDeletedMessagesLeaveThePastAndThoseOfDisconnectedUsersStay(t *testing.T) {
	n := newNode(t, keeping(50))
	ann, bob := n.join("ann"), n.join("bob")
	say := func(c *client, text string) frame {
		c.say(text)
		bob.wantSaid(text)
		return ann.wantSaid(text)
	}
	first, rude := say(ann, "first"), say(ann, "rude")
	last := say(bob, "bob's")
	if _, err := n.m.SendEvent(t.Context(), n.room.ARN, "app:goal", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := n.m.DeleteMessage(t.Context(), n.room.ARN, rude.Id, ""); err != nil {
		t.Fatal(err)
	}
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "bob", ""); err != nil {
		t.Fatal(err)
	}
	bob.wantClose(1000)
	n.wantHistory("?history=50", "first", "bob's", "app:goal")
	n.wantHistory("?after="+first.Id, "bob's", "app:goal", "aws:DELETE_MESSAGE", "aws:DISCONNECT_USER")
	n.wantHistory("?after="+rude.Id, "bob's", "app:goal", "aws:DELETE_MESSAGE", "aws:DISCONNECT_USER")
	back := n.joinWith("?after="+last.Id, "bob")
	back.wantTexts("app:goal", "aws:DELETE_MESSAGE") // what was done to bob himself is over
	if err := n.m.CloseRoom(t.Context(), n.room.ARN); err != nil {
		t.Fatal(err)
	}
	back.wantClose(1000)
	n.wantHistory("?history=50")
}

func TestBadWishesAreRefused(t *testing.T) {
	n := newNode(t, keeping(50))
	token := n.token("ann")
	for _, query := range []string{
		"?history=-1", "?history=", "?history=1001", "?history=5x", "?history=99999999999999999999",
		"?after=", "?after=short", "?after=AbCdEfGh12345", "?after=AbCdEfGh_234", "?history=%zz", "?history=5;x",
	} {
		c, resp := n.dialWith(query, token)
		if c != nil || resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("%s: HTTP %v", query, resp.StatusCode)
		}
	}
	if c, _ := n.dialWith("?history=5", token); c == nil {
		t.Error("the refusals have spent the token")
	}
}

func TestPastOutlivesTheLastMember(t *testing.T) {
	n := newNode(t, keeping(50))
	ann := n.join("ann")
	ann.say("anybody?")
	ann.wantSaid("anybody?")
	_ = ann.ws.CloseNow()
	for deadline := time.Now().Add(patience); n.metric("connections", "") > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the connection stays")
		}
	}
	n.wantHistory("?history=50", "anybody?")
}

func TestHistoryIsPaged(t *testing.T) {
	n := newNode(t, keeping(50))
	ann := n.join("ann")
	for i := range 5 {
		ann.say(fmt.Sprint(i))
		ann.wantSaid(fmt.Sprint(i))
	}
	var seen []string
	for before := uint64(0); ; {
		past, more, err := n.m.History(t.Context(), n.room.ARN, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range past {
			_, text, _ := strings.Cut(string(p.Frame), `"Content":"`)
			seen, before = append(seen, text[:1]), p.Number
		}
		if !more {
			break
		}
	}
	if diff := cmp.Diff([]string{"4", "3", "2", "1", "0"}, seen); diff != "" {
		t.Error(diff)
	}
	if _, _, err := n.m.History(context.Background(), minter.Region, 0, 1); fault.Of(err) != fault.NotFound {
		t.Errorf("no such room: %v", err)
	}
}

// wantRun reads messages with numbers: whatever the first is, the others must follow it without a gap or a
// repetition until the last.
func (c *client) wantRun(first, last int) {
	for want := first; want <= last; want++ {
		f := c.read()
		var got int
		if _, err := fmt.Sscan(f.Content, &got); err != nil {
			c.t.Errorf("got %+v", f)
			return
		}
		if want == -1 {
			want = got
		}
		if got != want {
			c.t.Errorf("heard %d when %d was due", got, want)
			return
		}
	}
}

func TestPastAndPresentMeetWithoutASeam(t *testing.T) {
	n := newNode(t, keeping(1000))
	n.seamless(400, 24, n)
}

// seamless lets one person speak while others come, and ask for all of the past.
func (n *node) seamless(messages, people int, doors ...*node) {
	n.t.Helper()
	speaker := n.join("speaker")
	var wg sync.WaitGroup
	heard := make(chan int, messages)
	wg.Go(func() {
		defer close(heard)
		for i := range messages {
			speaker.wantSaid(fmt.Sprint(i))
			heard <- i
		}
	})
	wg.Go(func() {
		for i := range messages {
			speaker.say(fmt.Sprint(i))
		}
	})
	joined := 0
	for i := range heard {
		if i*people/messages < joined {
			continue
		}
		c := doors[joined%len(doors)].joinWith("?history=1000", fmt.Sprint("late-", joined))
		joined++
		wg.Go(func() { c.wantRun(0, messages-1) })
	}
	wg.Wait()
}
