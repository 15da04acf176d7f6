package room_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/room"
)

func unlimited(d *room.Deps) { d.LimitsOff = true }

// listen reads so many messages and gives their ids and texts in order.
func (c *client) listen(n int) []string {
	var all []string
	for len(all) < n {
		f := c.read()
		if f.Type == "MESSAGE" {
			all = append(all, f.Id+" "+f.Content)
		}
	}
	return all
}

// wantOneOrder lets listeners hear all of what speakers say, and sees that all heard the same.
func wantOneOrder(t *testing.T, each int, speakers, listeners []*client, meanwhile func()) {
	t.Helper()
	orders := make([][]string, len(listeners))
	var wg sync.WaitGroup
	for i, c := range listeners {
		wg.Go(func() { orders[i] = c.listen(each * len(speakers)) })
	}
	for i, c := range speakers {
		wg.Go(func() {
			for j := range each {
				c.say(fmt.Sprint(i, "/", j))
			}
		})
	}
	if meanwhile != nil {
		meanwhile()
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i := range orders {
		if diff := cmp.Diff(orders[0], orders[i]); diff != "" {
			t.Fatalf("listeners 0 and %d heard different orders: %s", i, diff)
		}
	}
	wantComplete(t, each, len(speakers), orders[0])
}

// wantComplete sees that an order has all that was said, in each speaker's own order.
func wantComplete(t *testing.T, each, speakers int, order []string) {
	t.Helper()
	next := make([]int, speakers)
	for _, text := range order {
		var id string
		var i, j int
		if _, err := fmt.Sscanf(text, "%s %d/%d", &id, &i, &j); err != nil {
			t.Fatal(err)
		}
		if next[i] != j {
			t.Fatalf("message %d of speaker %d came when %d was due", j, i, next[i])
		}
		next[i]++
	}
	for i, n := range next {
		if n != each {
			t.Errorf("%d of %d messages of speaker %d were heard", n, each, i)
		}
	}
}

func TestOneOrderOnAllNodes(t *testing.T) {
	h := newHouse(t)
	var speakers, listeners []*client
	for _, name := range []string{"a", "b", "c"} {
		n := h.node(name, unlimited)
		for i := range 2 {
			c := n.join(fmt.Sprint(name, i))
			speakers, listeners = append(speakers, c), append(listeners, c)
		}
	}
	wantOneOrder(t, 60, speakers, listeners, nil)
}

func TestWhatTheBusLosesIsAskedFor(t *testing.T) {
	h := newHouse(t)
	l := newLine(t, h.url)
	a, b := h.node("a", unlimited), h.nodeAt(l.url(), "b", unlimited)
	ann, bob := a.join("ann"), b.join("bob")
	say := func(texts ...string) {
		for _, text := range texts {
			ann.say(text)
		}
		for _, c := range []*client{ann, bob} {
			for _, text := range texts {
				c.wantSaid(text)
			}
		}
	}
	say("before")
	l.loseNext(2)
	say("one", "two", "three") // the third shows that two are missing
	l.loseNext(1)
	say("the last") // the owner's repeated number shows it
	if got := b.metric("gap_repaired_total", ""); l.lost() != 3 || got < 3 {
		t.Errorf("%d notes were lost and %v repaired", l.lost(), got)
	}
	if got := b.metric("gap_lost_total", ""); got != 0 {
		t.Errorf("%v were not to be had", got)
	}
}

func TestNodeThatWasCutOffMissesNothing(t *testing.T) {
	h := newHouse(t)
	l := newLine(t, h.url)
	a, b := h.node("a", unlimited), h.nodeAt(l.url(), "b", unlimited)
	ann, bob := a.join("ann"), b.join("bob")
	l.sever(true)
	for i := range 20 {
		ann.say(fmt.Sprint(i))
		ann.wantSaid(fmt.Sprint(i))
	}
	bob.say("is anybody there?")
	l.sever(false)
	for i := range 20 {
		bob.wantSaid(fmt.Sprint(i))
	}
	ann.wantSaid("is anybody there?")
	bob.wantSaid("is anybody there?")
	ann.say("yes")
	ann.wantSaid("yes")
	bob.wantSaid("yes")
}

func TestMessageThatNobodyTakesIsRefused(t *testing.T) {
	h := newHouse(t)
	l := newLine(t, h.url)
	a, b := h.node("a"), h.nodeAt(l.url(), "b", func(d *room.Deps) { d.Patience = 300 * time.Millisecond })
	a.join("ann")
	bob := b.join("bob")
	l.sever(true)
	bob.say("is anybody there?")
	bob.wantError(500, "said")
	if got := b.metric("forward_failed_total", ""); got != 1 {
		t.Errorf("%v counted", got)
	}
}

// waitOwned waits until the node says that it owns a room.
func (n *node) waitOwned() {
	n.t.Helper()
	for deadline := time.Now().Add(patience); n.metric("owned_rooms", "") != 1; {
		if time.Now().After(deadline) {
			n.t.Fatal("the node owns nothing")
		}
		<-time.After(time.Millisecond)
	}
}

func TestOwnersDeathCostsNobodyElseAMessage(t *testing.T) {
	h := newHouse(t)
	h.term = 1500 * time.Millisecond
	l := newLine(t, h.url)
	a := h.nodeAt(l.url(), "a", keeping(1000))
	witness := a.join("witness")
	a.waitOwned()
	b, c := h.node("b", keeping(1000)), h.node("c", keeping(1000))
	speakers := []*client{b.join("bob"), b.join("ben"), c.join("carl")}
	listeners := append([]*client{b.join("listener"), c.join("listener")}, speakers...)

	dead := make(chan []string)
	go func() { // what the owner's own member hears until it dies must be what all hear
		var heard []string
		for range 40 {
			f := witness.read()
			heard = append(heard, f.Id+" "+f.Content)
		}
		l.sever(true)
		dead <- heard
	}()
	var heard []string
	wantOneOrder(t, 50, speakers, listeners, func() { heard = <-dead })
	all := c.joinWith("?history=1000", "late").listen(150)
	if diff := cmp.Diff(all[:len(heard)], heard); diff != "" {
		t.Fatalf("the dead owner's member heard another order than the others: %s", diff)
	}

	// It was not dead, but away: it comes back, and its member hears what it has missed and is heard.
	witness.say("still there?")
	l.sever(false)
	if diff := cmp.Diff(all[len(heard):], witness.listen(150-len(heard))); diff != "" {
		t.Errorf("the member of the node that came back heard another order: %s", diff)
	}
	for _, c := range append(listeners, witness) {
		c.wantSaid("still there?")
	}
}

func TestShutdownHandsRoomsOver(t *testing.T) {
	h := newHouse(t)
	h.term = time.Hour // nothing ends by itself
	a := h.node("a", keeping(50))
	ann := a.join("ann")
	ann.say("hello")
	ann.wantSaid("hello")
	b := h.node("b", keeping(50))
	bob := b.join("bob")
	a.shutdown()
	ann.wantDrop()
	bob.say("goodbye")
	bob.wantSaid("goodbye")
	b.waitOwned()
	b.wantHistory("?history=50", "hello", "goodbye")
}

func TestPastIsTheSameOnAllNodes(t *testing.T) {
	h := newHouse(t)
	a := h.node("a", keeping(1000))
	ann := a.join("ann")
	for i := range 3 {
		ann.say(fmt.Sprint(i))
	}
	rude := ann.wantSaid("0").Id
	ann.wantSaid("1")
	ann.wantSaid("2")
	b := h.node("b", keeping(1000)) // nobody was there when it was said
	if _, err := b.m.DeleteMessage(t.Context(), h.room.ARN, rude, ""); err != nil {
		t.Fatal(err)
	}
	if f := ann.read(); f.EventName != "aws:DELETE_MESSAGE" {
		t.Errorf("got %+v", f)
	}
	for _, n := range []*node{a, b} {
		n.wantHistory("?history=50", "1", "2")
		n.wantHistory("?after="+rude, "1", "2", "aws:DELETE_MESSAGE")
		if past, more, err := n.m.History(t.Context(), h.room.ARN, 0, 50); err != nil || len(past) != 3 || more {
			t.Errorf("%d frames, %v (%v)", len(past), more, err)
		}
	}
	h.room = h.newRoom(100, 500)
	a.seamless(200, 9, a, b)
}
