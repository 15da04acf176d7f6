package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/media"
)

const demoKey = "sk_demo"

// oneKey admits demoKey and tells of it.
type oneKey struct{ admitted chan *media.Reader }

func (g *oneKey) Admit(_ context.Context, p media.Publisher) (*media.Stream, error) {
	if p.Key != demoKey {
		return nil, fault.Missing("unknown stream key")
	}
	s := media.NewStream()
	g.admitted <- s.NewReader(media.ReaderOptions{Frames: 1 << 16, Bytes: 64 << 20})
	return s, nil
}

func startIngest(t *testing.T) (addr string, gate *oneKey) {
	t.Helper()
	gate = &oneKey{make(chan *media.Reader, 1)}
	server := ingest.NewRTMP(ingest.RTMPDeps{Gates: []media.Gate{gate}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
	return ln.Addr().String(), gate
}

// page collects what the demo prints and says when something came.
type page struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.text.Write(b)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return n, err
}

func TestDemoPublishesToAFreshChannelAndPrintsItsPage(t *testing.T) {
	addr, gate := startIngest(t)
	var username atomic.Value
	var busy, started atomic.Bool
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) }
	signedIn := func(r *http.Request) bool { c, err := r.Cookie("session"); return err == nil && c.Value == "s" }
	mux.HandleFunc("POST /api/register", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Username, Password string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || !strings.HasPrefix(in.Username, "demo-") || len(in.Password) < 20 {
			t.Errorf("registers as %+v", in)
		}
		if !busy.Swap(true) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		username.Store(in.Username)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s", HttpOnly: true})
		w.WriteHeader(http.StatusCreated)
		answer(w, map[string]any{"user": map[string]string{"username": in.Username}})
	})
	mux.HandleFunc("PATCH /api/dashboard", func(w http.ResponseWriter, r *http.Request) {
		if !signedIn(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"ingest": map[string]string{"server": "rtmp://" + addr + "/app/"}})
	})
	mux.HandleFunc("POST /api/dashboard/stream-key/reveal", func(w http.ResponseWriter, r *http.Request) {
		if !signedIn(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, map[string]string{"value": demoKey})
	})
	mux.HandleFunc("GET /api/channels/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"username": r.PathValue("name"), "live": r.PathValue("name") == username.Load()})
	})
	app := httptest.NewServer(http.NewCrossOriginProtection().Handler(mux))
	defer app.Close()

	ctx, cancel := context.WithCancel(t.Context())
	out := &page{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	stopped := false
	go func() {
		ended <- runDemo(ctx, DemoOptions{
			Server: demoServer{URL: "http://127.0.0.1:1"}, Title: "x", Out: out,
			Start: func(context.Context) (demoServer, func() error, error) {
				started.Store(true)
				return demoServer{URL: app.URL}, func() error { stopped = true; return nil }, nil
			},
		})
	}()
	select {
	case <-out.more:
	case err := <-ended:
		t.Fatalf("ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("no page was printed")
	}
	if want := app.URL + "/c/" + username.Load().(string); !strings.Contains(out.text.String(), want) {
		t.Errorf("printed %q, want %q", out.text.String(), want)
	}
	frames, err := (<-gate.admitted).Next(ctx)
	if err != nil || !frames[0].Key || frames[0].Track.Width != 854 {
		t.Errorf("frames: %v, %v", frames, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Ctrl-C is no error: %v", err)
	}
	if !started.Load() || !stopped {
		t.Errorf("server: started %v, stopped %v", started.Load(), stopped)
	}
}

func TestListeningAddressesBecomeDialable(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80",
		"live.example.org:80": "live.example.org:80",
	} {
		if got := dialable(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestDemoPublishesInClearWhereTLSCannotBeReached(t *testing.T) {
	addr, gate := startIngest(t)
	const nowhere = "rtmps://127.0.0.1:1/app/"
	out, err := dialDemo(t.Context(), nowhere+demoKey, addr)
	if err != nil {
		t.Fatal(err)
	}
	<-gate.admitted
	out.Close()
	if _, err := dialDemo(t.Context(), nowhere+demoKey, ""); err == nil {
		t.Error("it publishes to nowhere")
	}
	_, err = dialDemo(t.Context(), nowhere+"sk_wrong", addr)
	if err == nil || !strings.Contains(err.Error(), "connect to the RTMP server") || !strings.Contains(err.Error(), "unknown stream key") || strings.Contains(err.Error(), "sk_wrong") {
		t.Errorf("error: %v", err)
	}
	// What a server refuses is not asked of another.
	_, err = dialDemo(t.Context(), "rtmp://"+addr+"/app/sk_wrong", addr)
	if err == nil || strings.Contains(err.Error(), "without TLS") {
		t.Errorf("error: %v", err)
	}
}

func TestDemoDialsInClearOnlyThisMachine(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:1935": "127.0.0.1:1935", ":1935": "127.0.0.1:1935", "0.0.0.0:1935": "127.0.0.1:1935", "[::1]:1935": "[::1]:1935",
		"192.0.2.7:1935": "", "live.example.org:1935": "",
	} {
		if got := plainRTMP(&engine.Config{}, addr); got != want {
			t.Errorf("%s: got %q, want %q", addr, got, want)
		}
		if got := plainRTMP(&engine.Config{IVSEndpoint: "aws"}, addr); got != "" {
			t.Errorf("%s, where channels are another server's: got %q", addr, got)
		}
	}
}

func TestDemoSaysThatNoServerAnswers(t *testing.T) {
	err := runDemo(t.Context(), DemoOptions{Server: demoServer{URL: "http://127.0.0.1:1"}})
	if err == nil || !strings.Contains(err.Error(), "no server answers") {
		t.Errorf("error: %v", err)
	}
}

func TestClipLoopsWithoutASeam(t *testing.T) {
	c, err := loadClip()
	if err != nil {
		t.Fatal(err)
	}
	if c.period != 8000 {
		t.Errorf("period: got %d ms, want 8000", c.period)
	}
	addr, gate := startIngest(t)
	out, err := ingest.DialPublish(t.Context(), "rtmp://"+addr+"/app/"+demoKey, ingest.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The clip began half a minute ago: it is sent at once up to now.
	ended := make(chan error, 1)
	go func() { ended <- c.play(ctx, out, time.Now().Add(-30*time.Second)) }()
	reader := <-gate.admitted
	last := map[media.Kind]time.Duration{}
	for last[media.Video] < 26*time.Second {
		frames, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			nominal := 1024 * time.Second / 48000
			if f.Track.Kind == media.Video {
				nominal = time.Second / 30
				if rest := (f.DTS - 21*time.Millisecond) % (2 * time.Second); f.Key != (rest == 1000*time.Millisecond) {
					t.Fatalf("picture at %v: key %v", f.DTS, f.Key)
				}
			}
			if before, ok := last[f.Track.Kind]; ok {
				if d := (f.DTS - before - nominal).Abs(); d > 2*time.Millisecond {
					t.Fatalf("%v: step from %v to %v", f.Track.Kind, before, f.DTS)
				}
			}
			last[f.Track.Kind] = f.DTS
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
