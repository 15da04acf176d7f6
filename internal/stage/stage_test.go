package stage_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

func TestHostIsSeenHeardAndRemembered(t *testing.T) {
	n := newNode(t)
	host, guest := n.token("host"), n.token("guest", func(s *auth.Seat) { s.Publish, s.Attributes = false, nil })
	if id := n.m.ActiveSession(n.stage); id != "" {
		t.Errorf("session %q before anybody joined", id)
	}
	looker := n.join(guest)
	want := P{ID: "guest", UserID: "user-guest", Attributes: map[string]string{}, Capabilities: []string{"subscribe"}, JoinedAt: looker.here["guest"].JoinedAt}
	if diff := cmp.Diff(map[string]P{"guest": want}, looker.here); diff != "" || want.JoinedAt == 0 {
		t.Errorf("state:\n%s", diff)
	}
	p := n.offer(host)
	looker.until(func() bool { return looker.here["host"].ID != "" })
	if looker.here["host"].IsPublishing {
		t.Error("the host publishes without media")
	}
	_, err := n.m.Subscribe(t.Context(), request(guest, "host"))
	wantRefusal(t, err, 409, "NOT_PUBLISHING")
	p.pub.Connected()
	p.flow()
	looker.until(func() bool { return looker.here["host"].IsPublishing })
	if diff := cmp.Diff([]string{"publish", "subscribe"}, looker.here["host"].Capabilities); diff != "" {
		t.Error(diff)
	}
	s := n.subscribe(guest, "host")
	for range 3 {
		p.speak()
	}
	eventually(t, "sound comes", func() bool { return len(s.got()) >= 3 })
	for name, want := range map[string]float64{"sessions": 1, "participants": 2, "publishers": 1, "subscriptions": 1, "sockets": 1, "packets_received_total": 4} {
		if got := n.metric(name); got != want {
			t.Errorf("metric %s is %v, want %v", name, got, want)
		}
	}
	row := n.row("host")
	var doc stage.ParticipantDoc
	check(t, json.Unmarshal(row.Doc, &doc))
	wantDoc := stage.ParticipantDoc{
		Attributes: map[string]string{"username": "host"}, Protocol: "WHIP", UserAgent: userAgent,
		BrowserName: "Chrome", BrowserVersion: "141.0.0.0", OsName: "Linux",
	}
	if diff := cmp.Diff(wantDoc, doc); diff != "" {
		t.Errorf("document:\n%s", diff)
	}
	if row.State != store.Connected || !row.Publishing || !row.Published || row.UserID != "user-host" || row.SessionID != n.m.ActiveSession(n.stage) {
		t.Errorf("row while publishing: %+v", row)
	}
	s.Close(io.EOF)
	<-s.gone
	p.Close(io.EOF)
	<-p.gone
	looker.until(func() bool { _, here := looker.here["host"]; return !here })
	looker.send(`{"type":"LEAVE"}`)
	looker.wantEnd(websocket.StatusNormalClosure)
	eventually(t, "the guest has left", func() bool { return n.row("guest").State == store.Disconnected })
	if row := n.row("host"); row.State != store.Disconnected || row.Publishing || !row.Published || row.Left.Before(row.Joined) {
		t.Errorf("row in the end: %+v", row)
	}
	for who, want := range map[string][]string{
		"host":  {"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"},
		"guest": {"JOINED", "SUBSCRIBE_STARTED host", "SUBSCRIBE_STOPPED host", "LEFT"},
	} {
		if diff := cmp.Diff(want, n.history(who)); diff != "" {
			t.Errorf("%s:\n%s", who, diff)
		}
	}
	if diff := cmp.Diff([]string{"Participant Published host", "Participant Unpublished host"}, n.told()); diff != "" {
		t.Error(diff)
	}
	if n.m.Feeds() != 0 {
		t.Error("a feed is left over")
	}
}

// comeAndGo publishes for a moment and gives the session.
func (n *node) comeAndGo(token string) string {
	n.t.Helper()
	p := n.publish(token)
	eventually(n.t, "the session is known", func() bool { return n.m.ActiveSession(n.stage) != "" })
	id := n.m.ActiveSession(n.stage)
	p.Close(io.EOF)
	<-p.gone
	return id
}

func TestSessionOutlivesAShortAbsence(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	first := n.comeAndGo(token)
	joined := n.row("ann").Joined
	if again := n.comeAndGo(token); again != first {
		t.Errorf("came back into session %s, was in %s", again, first)
	}
	if row := n.row("ann"); !row.Joined.Equal(joined) || !row.Left.After(joined) {
		t.Errorf("joined first at %v, row %+v", joined, row)
	}
	want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT", "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}
	if diff := cmp.Diff(want, n.history("ann")); diff != "" {
		t.Error(diff)
	}
}

func TestSessionEndsWhenNobodyComesBack(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Grace = 50 * time.Millisecond })
	token := n.token("ann")
	first := n.comeAndGo(token)
	eventually(t, "the session ends", func() bool { return n.m.Stages() == 0 })
	n.written()
	if s, err := n.db.StageSession(t.Context(), n.stage, first); err != nil || s.Ended.IsZero() || s.Node != "n1" {
		t.Errorf("session: %+v, %v", s, err)
	}
	if later := n.comeAndGo(token); later == first {
		t.Error("an ended session goes on")
	}
	want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT", "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}
	if diff := cmp.Diff(want, n.history("ann")); diff != "" {
		t.Error(diff)
	}
}

func TestAttemptThatComesToNothingIsNoPublication(t *testing.T) {
	n := newNode(t)
	p := n.offer(n.token("ann"))
	p.Close(io.ErrUnexpectedEOF)
	<-p.gone
	if diff := cmp.Diff([]string{"JOINED", "LEFT"}, n.history("ann")); diff != "" {
		t.Error(diff)
	}
	if told := n.told(); told != nil {
		t.Errorf("told: %v", told)
	}
	if n.m.Feeds() != 0 {
		t.Error("a feed is left over")
	}
}

func TestNewerSessionOfADoorDisplacesTheOlder(t *testing.T) {
	n := newNode(t)
	token, other := n.token("ann"), n.token("bob")
	first := n.publish(token)
	s := n.subscribe(other, "ann")
	socket := n.join(token)

	attempt := n.offer(token) // a newer one that does not come up leaves the working one alone
	if !first.open() {
		t.Error("an attempt displaced a session that works")
	}
	second := n.offer(token)
	attempt.wantClosed(t, "took over")
	second.pub.Connected()
	first.wantClosed(t, "took over")
	second.flow()
	before := len(s.got())
	second.speak()
	if got := s.got(); len(got) <= before || !s.open() {
		t.Errorf("the subscriber does not go on with the newer session: %v", got)
	}
	for i, num := range s.got() {
		if num != s.got()[0]+uint16(i) {
			t.Fatalf("the numbers break: %v", s.got())
		}
	}
	again := n.subscribe(other, "ann")
	s.wantClosed(t, "took over")
	if !again.open() {
		t.Error("the newer subscription was ended")
	}
	newer := n.join(token)
	if last := socket.wantEnd(4001); last.Type != "DISCONNECTED" || last.Payload.Reason != "token-reused" || last.Payload.Code != "" {
		t.Errorf("the older socket was told %+v", last)
	}
	newer.send(`{"type":"PING"}`)
	for newer.read().Type != "PONG" {
	}
	if !second.open() {
		t.Error("a socket displaced a publication")
	}
	want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "PUBLISH_STARTED"}
	if diff := cmp.Diff(want, n.history("ann")); diff != "" {
		t.Error(diff)
	}
}

func TestSubscriptionWaitsForItsPublisherToComeBack(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	p := n.publish(token)
	s := n.subscribe(n.token("bob"), "ann")
	p.speak()
	p.Close(io.EOF)
	<-p.gone
	_, err := n.m.Subscribe(t.Context(), request(n.token("cleo"), "ann"))
	wantRefusal(t, err, 404, "PARTICIPANT_NOT_FOUND")
	before := len(s.got())
	p = n.offer(token)
	p.flow() // before it is known that media can
	if n.metric("publishers") != 0 || len(s.got()) != before {
		t.Error("media went out before its time")
	}
	p.pub.Connected()
	p.speak()
	got := s.got()
	if len(got) <= before || !s.open() {
		t.Fatalf("nothing comes after the return: %v", got)
	}
	for i, num := range got {
		if num != got[0]+uint16(i) {
			t.Fatalf("the numbers break: %v", got)
		}
	}
}

func TestSubscriptionEndsWhenItsPublisherStaysAway(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Away = 50 * time.Millisecond })
	p := n.publish(n.token("ann"))
	s := n.subscribe(n.token("bob"), "ann")
	p.Close(io.EOF)
	s.wantClosed(t, "publisher is gone")
	eventually(t, "nothing is kept", func() bool { return n.m.Feeds() == 0 })
	if diff := cmp.Diff([]string{"JOINED", "SUBSCRIBE_STARTED ann", "SUBSCRIBE_STOPPED ann", "LEFT"}, n.history("bob")); diff != "" {
		t.Error(diff)
	}
}

func TestPublishersAndParticipantsAreLimited(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.MaxPublishers, d.MaxParticipants = 2, 3 })
	ann := n.token("ann")
	n.publish(ann)
	n.publish(n.token("bob"))
	cleo := n.token("cleo")
	socket := n.join(cleo)
	for range 3 { // told once
		_, err := n.m.Publish(t.Context(), request(cleo, ""))
		wantRefusal(t, err, 503, "STAGE_AT_CAPACITY")
	}
	n.publish(ann) // again: no third one
	_, err := n.m.Subscribe(t.Context(), request(n.token("dave"), "ann"))
	wantRefusal(t, err, 503, "STAGE_AT_CAPACITY")
	c, _ := n.dial(n.stage, n.token("dave"))
	if last := c.wantEnd(4003); last.Type != "ERROR" || last.Payload.Code != "STAGE_AT_CAPACITY" || last.Payload.Message == "" {
		t.Errorf("told %+v", last)
	}
	_, err = n.m.Subscribe(t.Context(), request(cleo, "nobody"))
	wantRefusal(t, err, 404, "PARTICIPANT_NOT_FOUND")
	socket.send(`{"type":"LEAVE"}`)
	socket.wantEnd(websocket.StatusNormalClosure)
	eventually(t, "cleo has left", func() bool { return n.row("cleo").State == store.Disconnected })
	want := []string{"JOINED", "PUBLISH_ERROR QUOTA_EXCEEDED", "SUBSCRIBE_ERROR nobody PUBLISHER_NOT_FOUND", "LEFT"}
	if diff := cmp.Diff(want, n.history("cleo")); diff != "" {
		t.Error(diff)
	}
	if told := n.told(); !slices.Equal(told, []string{"Participant Published ann", "Participant Published bob", "Participant Publish Error cleo QUOTA_EXCEEDED", "Participant Unpublished ann", "Participant Published ann"}) {
		t.Errorf("told %q", told)
	}
	if n.history("dave") != nil {
		t.Error("one who never joined has a history")
	}
}

func TestStreamKeyIsForAnotherGate(t *testing.T) {
	n := newNode(t)
	for _, key := range []string{"sk_us-east-1_AbCdEfGh1234", "", "a.b", "a.b.c.d"} {
		_, err := n.m.Publish(t.Context(), request(key, ""))
		if r := (*rtc.Refusal)(nil); fault.Of(err) != fault.NotFound || asRefusal(err, &r) {
			t.Errorf("%q: got %v, want a plain NotFound", key, err)
		}
	}
}

func TestOfferWithoutMediaIsRefused(t *testing.T) {
	n := newNode(t)
	r := request(n.token("ann"), "")
	r.Audio, r.Video = false, false
	_, err := n.m.Publish(t.Context(), r)
	wantRefusal(t, err, 422, "CODEC_MISMATCH")
}

// A database that does not answer holds up nobody who is in, and nothing is lost.
func TestSlowDatabaseStandsInNobodysWay(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	p := n.offer(token)
	n.written()
	holding, release, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- n.db.Tx(context.Background(), func(context.Context) error {
			close(holding)
			<-release
			return nil
		})
	}()
	<-holding // the only writer of SQLite
	p.pub.Connected()
	p.flow()
	s := n.subscribe(n.token("bob"), "ann") // judged by reading
	p.speak()
	if len(s.got()) == 0 {
		t.Error("no media while the database is held")
	}
	p.Close(io.EOF)
	<-p.gone
	close(release)
	check(t, <-held)
	if diff := cmp.Diff([]string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}, n.history("ann")); diff != "" {
		t.Error(diff)
	}
}

func TestDoorsStayShutWithoutADatabase(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	n.directory.fail(fault.Down("the database is not available"))
	_, err := n.m.Publish(t.Context(), request(token, ""))
	wantRefusal(t, err, 503, "UNAVAILABLE")
	_, err = n.m.Subscribe(t.Context(), request(token, "bob"))
	wantRefusal(t, err, 503, "UNAVAILABLE")
	if c, resp := n.dial(n.stage, token); c != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("socket: %+v", resp)
	}
	n.directory.fail(nil)
	check(t, n.db.Close())
	_, err = n.m.Publish(t.Context(), request(token, ""))
	wantRefusal(t, err, 503, "UNAVAILABLE")
}
