package room_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(crowdEnv) != "" {
		crowdMain()
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen; nothing takes nearly as long.
const patience = 20 * time.Second

// clock is a wall clock that tests set. It stands still, so rates do not depend on the machine.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 123_000_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rooms is a directory that tests change.
type rooms struct {
	mu    sync.Mutex
	specs map[string]room.Spec
}

func (d *rooms) Room(_ context.Context, arn string) (room.Spec, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.specs[arn]
	if !ok {
		return room.Spec{}, fault.Missing("room %s does not exist", arn)
	}
	return s, nil
}

func (d *rooms) put(s room.Spec) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.specs[s.ARN] = s
}

func (d *rooms) remove(arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.specs, arn)
}

// world is what nodes share: database, bus, keys and rooms.
type world struct {
	t      testing.TB
	db     *store.DB
	bus    *bus.Bus
	passes *auth.ChatPasses
	rooms  *rooms
	clock  *clock
	room   room.Spec // a room to begin with
	tls    bool      // of nodes to come
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	ctx := context.Background()
	keys, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, passes: auth.NewChatPasses(keys), rooms: &rooms{specs: map[string]room.Spec{}}, clock: newClock()}
	if w.db, err = store.Open(ctx, storetest.SQLite(t), store.Options{Log: quiet, Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.bus, err = bus.Open(ctx, bus.Options{Dir: filepath.Join(dir, "bus"), Log: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.bus.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w.room = w.newRoom(100, 500)
	return w
}

var minter = arn.Minter{Region: "us-east-1", Account: "000000000000"}

func (w *world) newRoom(rate, length int) room.Spec {
	a := minter.New(arn.Room)
	s := room.Spec{ARN: a, ID: arn.ID(a), MaxRate: rate, MaxLength: length}
	w.rooms.put(s)
	return s
}

// token mints a token for the world's room; change may alter the pass.
func (w *world) token(user string, change ...func(*auth.ChatPass)) string {
	w.t.Helper()
	now := w.clock.Now()
	p := auth.ChatPass{
		ID: arn.NewID(16), RoomARN: w.room.ARN, UserID: user, Send: true, Delete: true, Disconnect: true,
		Issued: now, TokenExpires: now.Add(time.Minute), SessionExpires: now.Add(time.Hour),
	}
	for _, f := range change {
		f(&p)
	}
	token, err := w.passes.Mint(p)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// node is one server with a manager behind a real listener.
type node struct {
	*world
	m   *room.Manager
	srv *httptest.Server
	reg *prometheus.Registry
	url string
}

func (w *world) node(change ...func(*room.Deps)) *node {
	w.t.Helper()
	n := &node{world: w, reg: prometheus.NewRegistry()}
	d := room.Deps{Directory: w.rooms, DB: w.db, Bus: w.bus, Passes: w.passes, Log: quiet, Registerer: n.reg, Now: w.clock.Now}
	for _, f := range change {
		f(&d)
	}
	var err error
	if n.m, err = room.NewManager(d); err != nil {
		w.t.Fatal(err)
	}
	n.srv = httptest.NewUnstartedServer(n.m)
	if w.tls {
		n.srv.StartTLS()
	} else {
		n.srv.Start()
	}
	n.url = "ws" + strings.TrimPrefix(n.srv.URL, "http")
	w.t.Cleanup(func() {
		n.shutdown()
		n.srv.Close()
	})
	return n
}

func newNode(t testing.TB, change ...func(*room.Deps)) *node { return newWorld(t).node(change...) }

func (n *node) shutdown() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.m.Shutdown(ctx); err != nil {
		n.t.Error(err)
	}
}

// metric gives the value of a counter or gauge; the label is that of its one label, if it has any.
func (n *node) metric(name, label string) float64 {
	n.t.Helper()
	families, err := n.reg.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "streamcat_room_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// frame is any frame a client gets.
type frame struct {
	Type, Id, RequestId, Content, EventName, SendTime, ErrorMessage string
	ErrorCode                                                       int
	Attributes                                                      map[string]string
	Sender                                                          struct {
		UserId     string
		Attributes map[string]string
	}
}

// client is a chat client, by a WebSocket library that is not ours.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func (n *node) join(user string, change ...func(*auth.ChatPass)) *client {
	n.t.Helper()
	c, resp := n.dial(n.token(user, change...))
	if c == nil {
		n.t.Fatalf("%s was not let in: HTTP %d", user, resp.StatusCode)
	}
	return c
}

// dial connects with a token; without success it gives no client but the HTTP answer.
func (n *node) dial(token string) (*client, *http.Response) {
	n.t.Helper()
	return n.dialWith("", token)
}

// joinWith joins with a query in the URL.
func (n *node) joinWith(query, user string) *client {
	n.t.Helper()
	c, resp := n.dialWith(query, n.token(user))
	if c == nil {
		n.t.Fatalf("%s was not let in: HTTP %d", user, resp.StatusCode)
	}
	return c
}

func (n *node) dialWith(query, token string) (*client, *http.Response) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, n.url+"/"+query, &websocket.DialOptions{HTTPClient: n.srv.Client(), Subprotocols: []string{token}, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		if resp == nil {
			n.t.Fatal(err)
		}
		return nil, resp
	}
	ws.SetReadLimit(1 << 20)
	n.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{n.t, ws}, resp
}

func (c *client) write(kind websocket.MessageType, text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, kind, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	c.write(websocket.MessageText, text)
}

// say sends a message.
func (c *client) say(content string) {
	c.t.Helper()
	text, _ := json.Marshal(map[string]string{"Action": "SEND_MESSAGE", "RequestId": "said", "Content": content})
	c.send(string(text))
}

func (c *client) readRaw() (websocket.MessageType, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.ws.Read(ctx)
}

func (c *client) read() frame {
	c.t.Helper()
	kind, text, err := c.readRaw()
	if err != nil {
		c.t.Fatal(err)
	}
	if kind != websocket.MessageText {
		c.t.Fatalf("frame of kind %v", kind)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	if f.Id == "" {
		c.t.Fatalf("no Id in %s", text)
	}
	return f
}

// wantError reads a failure frame.
func (c *client) wantError(code int, requestID string) frame {
	c.t.Helper()
	f := c.read()
	if f.Type != "ERROR" || f.ErrorCode != code || f.RequestId != requestID || f.ErrorMessage == "" {
		c.t.Fatalf("got %+v, want ERROR %d for request %q", f, code, requestID)
	}
	return f
}

// wantSaid reads a message.
func (c *client) wantSaid(content string) frame {
	c.t.Helper()
	f := c.read()
	if f.Type != "MESSAGE" || f.Content != content {
		c.t.Fatalf("got %+v, want MESSAGE %q", f, content)
	}
	return f
}

// wantClose reads to the end, which must be a close frame with this status.
func (c *client) wantClose(status websocket.StatusCode) {
	c.t.Helper()
	for {
		if _, _, err := c.readRaw(); err != nil {
			if got := websocket.CloseStatus(err); got != status {
				c.t.Fatalf("closed with %d (%v), want %d", got, err, status)
			}
			return
		}
	}
}

// wantDrop reads to the end, which must come without a close frame.
func (c *client) wantDrop() {
	c.t.Helper()
	c.wantClose(-1)
}
