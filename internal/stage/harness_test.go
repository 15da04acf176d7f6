package stage_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; nothing takes nearly as long.
const patience = 20 * time.Second

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// directory knows which stages exist.
type directory struct {
	mu      sync.Mutex
	stages  map[string]bool
	signers map[string]*ecdsa.PublicKey
	buckets map[string]string       // to which stages record
	keys    map[string]stage.Ingest // by stream key
	err     error                   // what it answers instead
	judged  func()                  // called once, when a publisher was judged and is not let in yet
}

func (d *directory) PublicKey(_ context.Context, name string) (*ecdsa.PublicKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := d.signers[name]
	if d.err == nil && key == nil {
		return nil, fault.Missing("public-key %s does not exist", name)
	}
	return key, d.err
}

func (d *directory) RecordingBucket(_ context.Context, name string, _ bool) (string, error) {
	d.mu.Lock()
	judged := d.judged
	d.judged = nil
	d.mu.Unlock()
	if judged != nil {
		judged()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buckets[name], d.err
}

func (d *directory) ByIngestKey(_ context.Context, key string) (stage.Ingest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, ok := d.keys[key]
	if d.err == nil && !ok {
		return in, fault.Missing("no ingest configuration has this stream key")
	}
	return in, d.err
}

func (d *directory) AttachedTo(_ context.Context, name string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, in := range d.keys {
		if in.ARN == name {
			return in.StageARN, d.err
		}
	}
	return "", d.err
}

// attach changes the stage of all keys of an ingest configuration.
func (d *directory) attach(name, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, in := range d.keys {
		if in.ARN == name {
			in.StageARN = to
			d.keys[key] = in
		}
	}
}

func (d *directory) Stage(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return d.err
	case !d.stages[name]:
		return fault.Missing("stage %s does not exist", name)
	}
	return nil
}

func (d *directory) set(name string, exists bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stages[name] = exists
}

func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// world is what nodes share.
type world struct {
	t         testing.TB
	db        *store.DB
	bus       *bus.Bus
	seats     *auth.Seats
	directory *directory
	stage     string // ARN of a stage to begin with
}

var (
	quiet  = slog.New(slog.DiscardHandler)
	minter = arn.Minter{Region: "us-east-1", Account: "000000000000"}
)

func newWorld(t testing.TB) *world {
	t.Helper()
	dir, ctx := t.TempDir(), context.Background()
	w := &world{t: t, directory: &directory{stages: map[string]bool{}, signers: map[string]*ecdsa.PublicKey{}, buckets: map[string]string{}, keys: map[string]stage.Ingest{}}, seats: newSeats(t)}
	var err error
	w.db, err = store.Open(ctx, "sqlite:"+filepath.Join(dir, "stage.db"), store.Options{Log: quiet})
	check(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.bus, err = bus.Open(ctx, bus.Options{Dir: filepath.Join(dir, "bus"), Log: quiet})
	check(t, err)
	t.Cleanup(func() { check(t, w.bus.Close(ctx)) })
	w.stage = w.newStage()
	return w
}

func newSeats(t testing.TB) *auth.Seats {
	t.Helper()
	keys, err := auth.OpenKeyring(filepath.Join(t.TempDir(), "keys"))
	check(t, err)
	seats, err := auth.NewSeats(keys)
	check(t, err)
	return seats
}

func (w *world) newStage() string {
	name := minter.New(arn.Stage)
	w.directory.set(name, true)
	return name
}

// token mints a participant's token for the world's stage.
func (w *world) token(id string, change ...func(*auth.Seat)) string {
	w.t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	s := auth.Seat{
		ParticipantID: id, StageARN: w.stage, StageID: arn.ID(w.stage), UserID: "user-" + id, Attributes: map[string]string{"username": id},
		Publish: true, Subscribe: true, Issued: now, Expires: now.Add(time.Hour),
	}
	for _, f := range change {
		f(&s)
	}
	token, err := w.seats.Mint(s)
	check(w.t, err)
	return token
}

// node is one server with a manager.
type node struct {
	*world
	m   *stage.Manager
	srv *httptest.Server
	reg *prometheus.Registry
}

func (w *world) node(change ...func(*stage.Deps)) *node {
	w.t.Helper()
	n := &node{world: w, reg: prometheus.NewRegistry()}
	d := stage.Deps{
		Directory: w.directory, DB: w.db, Bus: w.bus, Minter: minter, Seats: w.seats, Node: "n1", Log: quiet, Registerer: n.reg,
		Grace: time.Hour, Away: time.Hour,
	}
	for _, f := range change {
		f(&d)
	}
	var err error
	n.m, err = stage.NewManager(d)
	check(w.t, err)
	n.srv = httptest.NewServer(n.m)
	w.t.Cleanup(func() {
		n.shutdown()
		n.srv.Close()
	})
	return n
}

func newNode(t testing.TB, change ...func(*stage.Deps)) *node {
	t.Helper()
	return newWorld(t).node(change...)
}

func (n *node) shutdown() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(n.t, n.m.Shutdown(ctx))
}

// written waits until all that happened is in the database.
func (n *node) written() {
	n.t.Helper()
	eventually(n.t, "all is written", n.m.Idle)
}

// history gives the names of a participant's events in all sessions, oldest session first.
func (n *node) history(participant string) []string {
	n.t.Helper()
	n.written()
	sessions, _, err := n.db.StageSessions(context.Background(), n.stage, 100, nil)
	check(n.t, err)
	slices.Reverse(sessions)
	var names []string
	for _, s := range sessions {
		events, _, err := n.db.StageEvents(context.Background(), n.stage, s.SessionID, participant, 1000, nil)
		check(n.t, err)
		slices.Reverse(events)
		for _, e := range events {
			name := e.Name
			for _, more := range []string{e.RemoteParticipantID, e.ErrorCode} {
				if more != "" {
					name += " " + more
				}
			}
			names = append(names, name)
		}
	}
	return names
}

// told gives what EventBridge is told of the world's stage: names and participants.
func (n *node) told() []string {
	n.t.Helper()
	n.written()
	events, err := n.db.Events(context.Background(), 0, 1000)
	check(n.t, err)
	var names []string
	for _, e := range events {
		var d struct {
			SessionID     string    `json:"session_id"`
			EventName     string    `json:"event_name"`
			EventTime     time.Time `json:"event_time"`
			UserID        string    `json:"user_id"`
			ParticipantID string    `json:"participant_id"`
			ErrorCode     string    `json:"error_code"`
		}
		check(n.t, json.Unmarshal(e.Detail, &d))
		if e.DetailType != "IVS Stage Update" || !slices.Equal(e.Resources, []string{n.stage}) || len(d.SessionID) != 16 || d.EventTime.IsZero() ||
			d.UserID != "user-"+d.ParticipantID {
			n.t.Errorf("event: %+v, %s", e, e.Detail)
		}
		names = append(names, strings.TrimSpace(d.EventName+" "+d.ParticipantID+" "+d.ErrorCode))
	}
	return names
}

// row reads a participant of the only session.
func (n *node) row(participant string) store.StageParticipant {
	n.t.Helper()
	n.written()
	sessions, _, err := n.db.StageSessions(context.Background(), n.stage, 1, nil)
	check(n.t, err)
	p, err := n.db.StageParticipant(context.Background(), n.stage, sessions[0].SessionID, participant)
	check(n.t, err)
	return p
}

func (n *node) metric(name string) (sum float64) {
	n.t.Helper()
	families, err := n.reg.Gather()
	check(n.t, err)
	for _, f := range families {
		if f.GetName() == "streamcat_stage_"+name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// peer stands for a WebRTC session. As the real one does, it tells of its end on a goroutine of its own, once.
type peer struct {
	ended func(error)
	once  sync.Once
	gone  chan struct{}

	mu     sync.Mutex
	reason error
	keys   int
}

func newPeer(ended func(error)) *peer { return &peer{ended: ended, gone: make(chan struct{})} }

func (p *peer) KeyFrame(uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys++
}

func (p *peer) Close(reason error) {
	p.once.Do(func() {
		p.mu.Lock()
		p.reason = reason
		p.mu.Unlock()
		go func() {
			p.ended(reason)
			close(p.gone)
		}()
	})
}

// wantClosed waits for the end and wants a word in its reason.
func (p *peer) wantClosed(t testing.TB, word string) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		t.Fatalf("the session was not ended (%s)", word)
	}
	if !strings.Contains(p.reason.Error(), word) {
		t.Errorf("it ended because of %q, want %q", p.reason, word)
	}
}

// open says that nobody wants the session to end.
func (p *peer) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason == nil
}

// publisher is a publishing session that a test plays.
type publisher struct {
	*peer
	t    testing.TB
	pub  rtc.Publication
	seq  uint16
	sink rtc.Sink
}

const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

func request(token, participant string) rtc.Request {
	return rtc.Request{Token: token, ParticipantID: participant, UserAgent: userAgent, Audio: true, Video: true}
}

// offer publishes, up to where media could flow.
func (n *node) offer(token string) *publisher {
	n.t.Helper()
	pub, err := n.m.Publish(context.Background(), request(token, ""))
	check(n.t, err)
	p := &publisher{t: n.t, pub: pub}
	p.peer = newPeer(pub.Ended)
	pub.Start(p.peer)
	n.t.Cleanup(func() { p.Close(io.EOF); <-p.gone })
	return p
}

// publish publishes sound.
func (n *node) publish(token string) *publisher {
	n.t.Helper()
	p := n.offer(token)
	p.pub.Connected()
	p.flow()
	return p
}

func (p *publisher) flow() {
	p.sink = p.pub.Track(rtc.Track{Kind: rtc.Audio, SSRC: 7, ClockRate: 48_000}, p.peer)
	p.speak()
}

// speak sends a packet.
func (p *publisher) speak() {
	packet := []byte{0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xF8, 0xFF, 0xFE}
	p.seq++
	binary.BigEndian.PutUint16(packet[2:], p.seq)
	binary.BigEndian.PutUint32(packet[4:], uint32(p.seq)*960)
	p.sink.Write(packet, time.Now())
}

// subscriber is a subscribing session that a test plays. It is a rtc.Sender, too.
type subscriber struct {
	*peer
	sub rtc.Subscription

	mu      sync.Mutex
	numbers []uint16
	nack    func([]uint16)
}

func (s *subscriber) Kind() rtc.Kind { return rtc.Audio }

func (s *subscriber) WriteRTP(h *rtp.Header, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers = append(s.numbers, h.SequenceNumber)
	return nil
}

func (s *subscriber) WriteSenderReport(uint64, uint32, uint32, uint32) error { return nil }

func (s *subscriber) Feedback(nack func([]uint16), _ func()) { s.nack = nack }

// got gives the numbers of the packets that came.
func (s *subscriber) got() []uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.numbers)
}

func (n *node) subscribe(token, to string) *subscriber {
	n.t.Helper()
	sub, err := n.m.Subscribe(context.Background(), request(token, to))
	check(n.t, err)
	s := &subscriber{sub: sub}
	s.peer = newPeer(sub.Ended)
	sub.Start([]rtc.Sender{s}, s.peer)
	n.t.Cleanup(func() { s.Close(io.EOF); <-s.gone })
	sub.Connected()
	return s
}

// wantRefusal wants an error to be a refusal.
func wantRefusal(t testing.TB, err error, status int, code string) {
	t.Helper()
	var r *rtc.Refusal
	if !errors.As(err, &r) || r.Status != status || r.Code != code {
		t.Errorf("got %+v, want %d %s", err, status, code)
	}
}

// P is a participant as sockets are told.
type P struct {
	ID           string            `json:"id"`
	UserID       string            `json:"userId"`
	Attributes   map[string]string `json:"attributes"`
	IsPublishing bool              `json:"isPublishing"`
	AudioMuted   bool              `json:"audioMuted"`
	VideoStopped bool              `json:"videoStopped"`
	Capabilities []string          `json:"capabilities"`
	JoinedAt     int64             `json:"joinedAt"`
}

type frame struct {
	Type    string `json:"type"`
	Payload struct {
		StageID       string   `json:"stageId"`
		SessionID     string   `json:"sessionId"`
		ParticipantID string   `json:"participantId"`
		Participants  []P      `json:"participants"`
		Joined        []P      `json:"joined"`
		Changed       []P      `json:"changed"`
		Left          []string `json:"left"`
		Others        *int     `json:"others"`
		Reason        string   `json:"reason"`
		Code          string   `json:"code"`
		Message       string   `json:"message"`
	} `json:"payload"`
}

// client is an events socket, by a WebSocket library that is not ours.
type client struct {
	t    testing.TB
	ws   *websocket.Conn
	here map[string]P // as it was told
	own  string       // id
}

// dial opens a socket; without success there is but the HTTP answer.
func (n *node) dial(stageARN, token string) (*client, *http.Response) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := "ws" + strings.TrimPrefix(n.srv.URL, "http") + "/stage-events/" + arn.ID(stageARN)
	ws, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{token}, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}})
	if err != nil {
		if resp == nil {
			n.t.Fatal(err)
		}
		return nil, resp
	}
	ws.SetReadLimit(8 << 20)
	n.t.Cleanup(func() { _ = ws.CloseNow() })
	if ws.Subprotocol() != token {
		n.t.Error("the token is not echoed")
	}
	return &client{t: n.t, ws: ws, here: map[string]P{}}, resp
}

// join opens a socket and takes the state.
func (n *node) join(token string) *client {
	n.t.Helper()
	c, resp := n.dial(n.stage, token)
	if c == nil {
		n.t.Fatalf("not let in: HTTP %d", resp.StatusCode)
	}
	f := c.read()
	if f.Type != "STAGE_STATE" || f.Payload.StageID != arn.ID(n.stage) || len(f.Payload.SessionID) != 16 {
		n.t.Fatalf("first frame: %+v", f)
	}
	return c
}

// read takes a frame and follows what it says.
func (c *client) read() frame {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatalf("no frame: %v", err)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		c.t.Fatalf("%.200s: %.200v", text, err.Error())
	}
	if f.Type == "STAGE_STATE" {
		c.own = f.Payload.ParticipantID
	}
	for _, p := range slices.Concat(f.Payload.Participants, f.Payload.Joined) {
		if _, known := c.here[p.ID]; known && p.ID != c.own { // itself may be new to all others
			c.t.Errorf("%s joined twice", p.ID)
		}
		c.here[p.ID] = p
	}
	for _, p := range f.Payload.Changed {
		if _, known := c.here[p.ID]; !known {
			c.t.Errorf("%s changed, and is not known", p.ID)
		}
		c.here[p.ID] = p
	}
	for _, id := range f.Payload.Left {
		if _, known := c.here[id]; !known {
			c.t.Errorf("%s left, and is not known", id)
		}
		delete(c.here, id)
	}
	return f
}

// until reads until something is so.
func (c *client) until(is func() bool) {
	c.t.Helper()
	for !is() {
		c.read()
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(c.t, c.ws.Write(ctx, websocket.MessageText, []byte(text)))
}

// wantEnd reads on to the close frame and gives the last frame before it.
func (c *client) wantEnd(code websocket.StatusCode) (last frame) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, text, err := c.ws.Read(ctx)
		if err != nil {
			if got := websocket.CloseStatus(err); got != code {
				c.t.Errorf("closed with %v (%v), want %v", got, err, code)
			}
			return last
		}
		last = frame{}
		check(c.t, json.Unmarshal(text, &last))
	}
}

func asRefusal(err error, r **rtc.Refusal) bool { return errors.As(err, r) }
