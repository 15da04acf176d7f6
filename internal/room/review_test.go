package room_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/review"
	"github.com/streamcat/streamcat/internal/room"
)

const lambda = "arn:aws:lambda:us-east-1:000000000000:function:review"

// desk is a Reviewer: each message waits on it until the test says what becomes of it, or is judged at once.
type desk struct {
	judge func(review.Request) (review.Verdict, error) // nil: messages wait
	mu    sync.Mutex
	on    map[string]chan error // by content
	asked []review.Request
	came  chan string
}

func newDesk() *desk { return &desk{on: map[string]chan error{}, came: make(chan string, 2000)} }

func (d *desk) Review(_ context.Context, handler string, _ int, r review.Request) (review.Verdict, error) {
	d.mu.Lock()
	d.asked = append(d.asked, r)
	wait := make(chan error, 1)
	d.on[r.Content] = wait
	judge := d.judge
	d.mu.Unlock()
	d.came <- r.Content
	if handler != lambda {
		return review.Verdict{}, errors.New("another handler")
	}
	if judge != nil {
		return judge(r)
	}
	if err := <-wait; err != nil {
		return review.Verdict{Reason: err.Error()}, nil
	}
	return review.Verdict{Allowed: true, Content: r.Content, Attributes: r.Attributes}, nil
}

// decide lets the message with that content pass, or denies it with a reason.
func (d *desk) decide(content string, deny error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on[content] <- deny
}

// await waits until so many messages lie on the desk, and gives what they say.
func (d *desk) await(t *testing.T, n int) (contents []string) {
	t.Helper()
	timeout := time.After(patience)
	for range n {
		select {
		case c := <-d.came:
			contents = append(contents, c)
		case <-timeout:
			t.Fatalf("%d messages came, want %d", len(contents), n)
		}
	}
	return contents
}

// reviewed is a node whose room has a handler.
func reviewed(t *testing.T, d room.Reviewer, change ...func(*room.Spec)) *node {
	w := newWorld(t)
	w.room.ReviewHandler = lambda
	for _, f := range change {
		f(&w.room)
	}
	w.rooms.put(w.room)
	return w.node(func(deps *room.Deps) { deps.Reviewer = d })
}

func TestAHandlerIsToldWhoSaysWhat(t *testing.T) {
	d := newDesk()
	n := reviewed(t, d)
	ann := n.join("ann", func(p *auth.ChatPass) { p.Attributes = map[string]string{"colour": "red"} })
	ann.send(`{"Action":"SEND_MESSAGE","RequestId":"r","Content":"hello","Attributes":{"k":"v"}}`)
	d.await(t, 1)
	d.decide("hello", nil)
	said := ann.wantSaid("hello")
	want := review.Request{
		Content: "hello", MessageID: said.Id, RoomARN: n.room.ARN, Attributes: map[string]string{"k": "v"},
		Sender: review.Sender{UserID: "ann", IP: "127.0.0.1", Attributes: map[string]string{"colour": "red"}},
	}
	if got := d.asked[0]; !cmp.Equal(got, want) {
		t.Errorf("asked %+v\nwant  %+v", got, want)
	}
	if said.RequestId != "r" || !maps.Equal(said.Attributes, want.Attributes) {
		t.Errorf("said %+v", said)
	}
}

func TestADeniedMessageIsHeardByNobodyAndItsSenderLearnsWhy(t *testing.T) {
	d := newDesk()
	n := reviewed(t, d)
	ann, bob := n.join("ann"), n.join("bob")
	ann.say("rude")
	ann.say("nameless")
	bob.say("fine")
	d.await(t, 3)
	d.decide("rude", errors.New("that was rude"))
	d.decide("nameless", errors.New(""))
	d.decide("fine", nil)
	reasons := map[string]bool{}
	for range 3 {
		if f := ann.read(); f.Type == "ERROR" {
			if f.ErrorCode != 406 || f.RequestId != "said" {
				t.Errorf("got %+v", f)
			}
			reasons[f.ErrorMessage] = true
		} else if f.Content != "fine" {
			t.Errorf("got %+v", f)
		}
	}
	if !reasons["that was rude"] || !reasons["the message was refused by review"] {
		t.Errorf("reasons: %v", reasons)
	}
	bob.wantSaid("fine")
	ann.say("and then")
	d.await(t, 1)
	d.decide("and then", nil)
	bob.wantSaid("and then")
	if got := n.metric("errors_total", "406"); got != 2 {
		t.Errorf("errors_total{406} = %v", got)
	}
	if got := n.metric("reviews_total", "denied"); got != 2 {
		t.Errorf("reviews_total{denied} = %v", got)
	}
}

func TestAHandlerMayRewrite(t *testing.T) {
	d := newDesk()
	d.judge = func(r review.Request) (review.Verdict, error) {
		return review.Verdict{Allowed: true, Content: "****", Attributes: map[string]string{"was": r.Content}}, nil
	}
	n := reviewed(t, d)
	ann, bob := n.join("ann"), n.join("bob")
	ann.send(`{"Action":"SEND_MESSAGE","Content":"darn","Attributes":{"k":"v"}}`)
	for _, c := range []*client{ann, bob} {
		if f := c.wantSaid("****"); !maps.Equal(f.Attributes, map[string]string{"was": "darn"}) {
			t.Errorf("got %+v", f)
		}
	}
	if got := n.metric("reviews_total", "rewritten"); got != 1 {
		t.Errorf("reviews_total{rewritten} = %v", got)
	}
}

func TestWithoutAVerdictTheRoomsFallbackHolds(t *testing.T) {
	d := newDesk()
	d.judge = func(review.Request) (review.Verdict, error) { return review.Verdict{}, errors.New("down") }
	for _, deny := range []bool{false, true} {
		for name, reviewer := range map[string]room.Reviewer{"a failing reviewer": d, "none": nil} {
			t.Run(fmt.Sprintf("%s, deny %v", name, deny), func(t *testing.T) {
				n := reviewed(t, reviewer, func(s *room.Spec) { s.DenyUnreviewed = deny })
				ann := n.join("ann")
				ann.say("hello")
				if !deny {
					ann.wantSaid("hello")
				} else if f := ann.wantError(406, "said"); f.ErrorMessage == "" {
					t.Errorf("got %+v", f)
				}
			})
		}
	}
}

// Reviews end in another order than they began in; the room hears the order of beginning. Requests that are not
// reviewed do not wait.
func TestSlowReviewsKeepTheOrder(t *testing.T) {
	d := newDesk()
	n := reviewed(t, d)
	ann, bob := n.join("ann"), n.join("bob")
	for i := range 9 {
		ann.say(fmt.Sprint(i))
		d.await(t, 1) // accepted
	}
	ann.send(`{"Action":"DELETE_MESSAGE","RequestId":"d","Id":"AYk6xKitV4On"}`)
	if f := bob.read(); f.EventName != "aws:DELETE_MESSAGE" {
		t.Errorf("an event waits for reviews: %+v", f)
	}
	for _, i := range []int{8, 3, 7, 1, 6} {
		d.decide(fmt.Sprint(i), nil)
	}
	d.decide("4", errors.New("no"))
	d.decide("5", nil)
	d.decide("2", nil)
	d.decide("0", nil)
	for _, content := range []string{"0", "1", "2", "3", "5", "6", "7", "8"} {
		bob.wantSaid(content)
	}
	if len(d.asked) != 9 {
		t.Errorf("asked %d times", len(d.asked))
	}
}

// A hundred messages at once through a handler that has none of them ready before it was asked about all, and then
// takes up to 150 ms for each: they are reviewed side by side, and go out in order.
func TestAHundredMessagesThroughASlowHandlerKeepTheirOrder(t *testing.T) {
	const messages, senders = 100, 10
	var asked atomic.Int32
	all := make(chan struct{})
	handlers := review.New(review.Deps{Timeout: patience, Fixed: map[string]review.Caller{
		lambda: func(ctx context.Context, id string, payload []byte) ([]byte, error) {
			if asked.Add(1) == messages {
				close(all)
			}
			select {
			case <-all:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			<-time.After(rand.N(150 * time.Millisecond))
			var r review.Request
			if err := json.Unmarshal(payload, &r); err != nil {
				return nil, err
			}
			return json.Marshal(map[string]any{"ReviewResult": "ALLOW", "Content": "reviewed " + r.Content})
		},
	}})
	n := reviewed(t, handlers)
	listener := n.join("listener")
	var speakers []*client
	for i := range senders {
		speakers = append(speakers, n.join(fmt.Sprint("speaker ", i)))
	}
	for i := range messages {
		speakers[i%senders].say(fmt.Sprint(i))
	}
	next := map[int]int{} // by speaker
	for range messages {
		f := listener.read()
		var i int
		if _, err := fmt.Sscanf(f.Content, "reviewed %d", &i); err != nil {
			t.Fatalf("got %+v", f)
		}
		who := i % senders
		if i/senders != next[who] {
			t.Errorf("speaker %d's message %d came instead of %d", who, i/senders, next[who])
		}
		next[who]++
	}
}

// tapedReviews is a node whose room has a handler and is recorded.
func tapedReviews(t *testing.T, d room.Reviewer) (*node, *tape) {
	w, p := kept(t), &tape{}
	w.room.ReviewHandler, w.room.Logging = lambda, []string{"log"}
	w.rooms.put(w.room)
	return w.node(func(deps *room.Deps) { deps.Reviewer, deps.Recorder = d, p }), p
}

// What was accepted is said even if who said it is gone by then, and even if the room has nobody left.
func TestWhatWasAcceptedIsSaidThoughItsSenderIsGone(t *testing.T) {
	d := newDesk()
	n, p := tapedReviews(t, d)
	ann := n.join("ann")
	ann.say("farewell")
	d.await(t, 1)
	if err := ann.ws.CloseNow(); err != nil {
		t.Fatal(err)
	}
	tick, late := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for n.metric("connections", "") != 0 {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("ann's connection is still there")
		}
	}
	d.decide("farewell", nil)
	n.shutdown()
	if said := p.all(); len(said) != 1 || !strings.Contains(said[0].frame, "farewell") {
		t.Errorf("said: %+v", said)
	}
}

func TestWhoIsBannedDuringAReviewIsNotHeard(t *testing.T) {
	d := newDesk()
	n, p := tapedReviews(t, d)
	ann := n.join("ann")
	ann.say("last words")
	d.await(t, 1)
	n.ban("ann", time.Time{})
	d.decide("last words", nil)
	n.shutdown()
	for _, said := range p.all() {
		if strings.Contains(said.frame, "last words") {
			t.Errorf("said: %+v", said)
		}
	}
}

func TestShutdownWaitsForReviews(t *testing.T) {
	d := newDesk()
	n, p := tapedReviews(t, d)
	ann := n.join("ann")
	ann.say("last words")
	d.await(t, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.shutdown()
	}()
	ann.wantDrop()
	d.decide("last words", nil)
	<-ended
	if said := p.all(); len(said) != 1 || !strings.Contains(said[0].frame, "last words") {
		t.Errorf("said: %+v", said)
	}
}

func TestAHandlerThatIsTakenAwayIsNotAskedAndOrderHolds(t *testing.T) {
	d := newDesk()
	n := reviewed(t, d)
	ann := n.join("ann")
	ann.say("first")
	d.await(t, 1)
	plain := n.room
	plain.ReviewHandler = ""
	n.rooms.put(plain)
	n.clock.advance(time.Second)
	ann.say("second")
	ann.send(`{"Action":"DELETE_MESSAGE","RequestId":"d","Id":"AYk6xKitV4On"}`) // tells that the second was accepted
	if f := ann.read(); f.EventName != "aws:DELETE_MESSAGE" {
		t.Fatalf("got %+v", f)
	}
	d.decide("first", nil)
	ann.wantSaid("first")
	ann.wantSaid("second")
	ann.say("third")
	ann.wantSaid("third")
	if len(d.asked) != 1 {
		t.Errorf("asked %d times", len(d.asked))
	}
}
