package site

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkivs "github.com/aws/aws-sdk-go-v2/service/ivs"
	sdkchat "github.com/aws/aws-sdk-go-v2/service/ivschat"
	sdkrealtime "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivs"
	"github.com/streamcat/streamcat/internal/ivschat"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

const (
	hookSecret   = "whsec_c3RyZWFtY2F0LWhvb2stc2VjcmV0"
	ingestServer = "rtmp://127.0.0.1:1935/app/"
	chatEndpoint = "ws://127.0.0.1:8080"
	whipEndpoint = "http://127.0.0.1:8080/whip"
	password     = "correct horse"
)

// world is a site over the real services of this server, asked through real SDK clients; only who
// broadcasts is made up.
type world struct {
	*Server
	t      testing.TB
	url    string
	clock  *clock
	log    *bytes.Buffer
	passes *auth.ChatPasses
	air    *air
	rooms  *rooms
	floor  *floor
	tokens *auth.Seats // of participants
	away   *away
}

// clock runs ahead of the real time by what tests add, or stands still but for that.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	still time.Time // when it was stopped; zero: it runs
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

// stop is for what counts tries by time: on a busy machine each takes its own.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still = time.Now()
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// air is who broadcasts: nobody, unless a test says so.
type air struct {
	ivs.Broadcasts
	mu   sync.Mutex
	live []channel.Live
}

func (a *air) LiveAll(context.Context) []channel.Live {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]channel.Live(nil), a.live...)
}

func (a *air) Live(_ context.Context, name string) (channel.Live, error) {
	for _, l := range a.LiveAll(context.Background()) {
		if l.ARN == name {
			return l, nil
		}
	}
	return channel.Live{}, fault.Offline("channel %s is not broadcasting", name)
}

func (a *air) Busy(name string) bool {
	_, err := a.Live(context.Background(), name)
	return err == nil
}

// rooms keep what was sent into them: nobody is there to hear it.
type rooms struct {
	ivschat.Rooms
	mu   sync.Mutex
	said []said
}

type said struct {
	room, name string
	attributes map[string]string
}

func (r *rooms) CloseRoom(context.Context, string) error { return nil }

func (r *rooms) SendEvent(_ context.Context, room, name string, attributes map[string]string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, said{room, name, attributes})
	return arn.NewID(12), nil
}

// heard is what was said in rooms under a name since it was last asked.
func (r *rooms) heard(name string) (out []said) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = slices.DeleteFunc(r.said, func(s said) bool {
		if s.name == name {
			out = append(out, s)
		}
		return s.name == name
	})
	return out
}

type secrets struct{}

func (secrets) Secret(context.Context, string) (string, auth.Principal, error) {
	return "secret", auth.Principal{AccountID: "000000000000", Root: true}, nil
}

// away makes the services unreachable while it is set.
type away struct {
	handler http.Handler
	mu      sync.Mutex
	set     bool
}

func (a *away) gone(yes bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = yes
}

func (a *away) Do(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	set := a.set
	a.mu.Unlock()
	if set {
		return nil, io.ErrUnexpectedEOF
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

func newWorld(t testing.TB, options ...func(*Deps)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}, log: &bytes.Buffer{}, air: &air{}, rooms: &rooms{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := auth.OpenKeyring(dir + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	seats, err := auth.NewSeats(ring)
	if err != nil {
		t.Fatal(err)
	}
	w.passes, w.tokens, w.floor = auth.NewChatPasses(ring), seats, newFloor(db, w.clock.Now)
	minter := arn.Minter{Region: "us-east-1", Account: "000000000000"}
	mux := api.NewMux(api.Deps{
		Verifier: &auth.SigV4{Region: minter.Region, Services: []string{"ivs", "ivschat"}, Secrets: secrets{}, Now: time.Now},
		Log:      slog.New(slog.DiscardHandler),
	})
	mux.Handle(api.IVS, ivs.NewService(ivs.Deps{
		DB: db, Minter: minter, Keyring: ring, Live: w.air,
		Endpoints: ivs.Endpoints{Ingest: "127.0.0.1:1935", SRT: "127.0.0.1:9000", Playback: "http://play.example"},
	}).Routes()...)
	mux.Handle(api.IVSRealTime, ivsrealtime.NewService(ivsrealtime.Deps{
		DB: db, Minter: minter, Seats: seats, Live: w.floor, Now: w.clock.Now,
	}).Routes()...)
	mux.Handle(api.IVSChat, ivschat.NewService(ivschat.Deps{
		DB: db, Minter: minter, Passes: w.passes, Rooms: w.rooms, Log: slog.New(slog.DiscardHandler),
	}).Routes()...)
	w.away = &away{handler: mux}
	cfg := aws.Config{
		Region: minter.Region, BaseEndpoint: aws.String("http://ivs.example"), HTTPClient: w.away, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIASTREAMCATEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}

	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	deps := Deps{
		DB: db, Channels: sdkivs.NewFromConfig(cfg), Rooms: sdkchat.NewFromConfig(cfg), Stages: sdkrealtime.NewFromConfig(cfg),
		HookSecret: hookSecret, AppTag: "streamcat", PublicURL: w.url, IngestServer: ingestServer, ChatEndpoint: chatEndpoint, WhipEndpoint: whipEndpoint, Sealer: ring,
		Log: log, Now: w.clock.Now,
	}
	for _, o := range options {
		o(&deps)
	}
	w.Server = New(deps)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = w.Server
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

// browser is somebody's browser: it keeps cookies.
type browser struct {
	*http.Client
	w *world
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, w}
}

// answer is a response, read.
type answer struct {
	*http.Response
	body []byte
}

// json reads the body's member at a path of names.
func (a answer) json(path ...string) any {
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		return "not JSON: " + string(a.body)
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// do sends a request; body is JSON, or a ready string; edits change the request before it goes.
func (b *browser) do(method, path string, body any, edits ...func(*http.Request)) answer {
	t := b.w.t
	t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, b.w.url+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, edit := range edits {
		edit(req)
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, text}
}

func (b *browser) get(path string) answer { b.w.t.Helper(); return b.do("GET", path, nil) }

// want ends the test unless the answer has that status.
func (a answer) want(t testing.TB, code int) answer {
	t.Helper()
	if a.StatusCode != code {
		t.Fatalf("%s %s = %d %s, want %d", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, code)
	}
	return a
}

type form struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// register makes somebody, signed in in a browser of their own.
func (w *world) register(name string) *browser {
	w.t.Helper()
	b := w.browser()
	b.do("POST", "/api/register", form{name, password}).want(w.t, http.StatusCreated)
	return b
}

// channelARN is a person's channel, as its page tells.
func (w *world) channelARN(name string) string {
	w.t.Helper()
	a, _ := w.browser().get("/api/channels/"+name).want(w.t, http.StatusOK).json("channelArn").(string)
	return a
}

// event is an EventBridge envelope.
func event(id, name, stream, channelARN string, at time.Time) string {
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": "IVS Stream State Change", "source": "aws.ivs", "account": "000000000000",
		"time": at.UTC().Truncate(time.Second), "region": "us-east-1", "resources": []string{channelARN},
		"detail": map[string]string{"event_name": name, "channel_name": "x", "stream_id": stream},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func bearer(r *http.Request) { r.Header.Set("Authorization", "Bearer "+hookSecret) }

func (w *world) tell(event string) {
	w.t.Helper()
	w.browser().do("POST", "/hooks/events", event, bearer).want(w.t, http.StatusNoContent)
}
