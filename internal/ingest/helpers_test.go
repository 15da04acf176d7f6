package ingest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

const goodKey = "sk_us-east-1_secretsecret"

// patience bounds every wait of a test; nothing that works comes near it.
const patience = 20 * time.Second

// fakeGate knows one key and records the streams it admitted.
type fakeGate struct {
	admitted chan admitted

	mu     sync.Mutex
	refuse error // given instead of a stream, if set
	seen   []media.Publisher
}

type admitted struct {
	media.Publisher
	stream *media.Stream
	frames *recorder
}

func newFakeGate() *fakeGate { return &fakeGate{admitted: make(chan admitted, 64)} }

func (g *fakeGate) Admit(_ context.Context, p media.Publisher) (*media.Stream, error) {
	g.mu.Lock()
	g.seen = append(g.seen, p)
	refuse := g.refuse
	g.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	if p.Key != goodKey {
		return nil, fault.Missing("unknown stream key")
	}
	s := media.NewStream()
	g.admitted <- admitted{p, s, record(s)}
	return s, nil
}

// refuseWith makes the gate answer everybody with err; nil lets it admit again.
func (g *fakeGate) refuseWith(err error) {
	g.mu.Lock()
	g.refuse = err
	g.mu.Unlock()
}

// asked counts the publishers that came so far.
func (g *fakeGate) asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seen)
}

func (g *fakeGate) next(t *testing.T) admitted {
	t.Helper()
	select {
	case a := <-g.admitted:
		return a
	case <-time.After(patience):
		t.Fatal("nobody was admitted")
	}
	return admitted{}
}

// recorder reads a stream to its end.
type recorder struct {
	reader *media.Reader

	mu     sync.Mutex
	frames []*media.Frame
	err    error
	done   chan struct{}
	more   chan struct{} // holds a token when frames were added
}

func record(s *media.Stream) *recorder {
	r := &recorder{reader: s.NewReader(media.ReaderOptions{}), done: make(chan struct{}), more: make(chan struct{}, 1)}
	go func() {
		defer close(r.done)
		defer r.reader.Close()
		for {
			fs, err := r.reader.Next(context.Background())
			r.mu.Lock()
			r.frames = append(r.frames, fs...)
			r.err = err
			r.mu.Unlock()
			select {
			case r.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return r
}

// atLeast waits for n frames.
func (r *recorder) atLeast(t *testing.T, n int) []*media.Frame {
	t.Helper()
	end := time.After(patience)
	for {
		r.mu.Lock()
		fs := r.frames
		r.mu.Unlock()
		if len(fs) >= n {
			return fs
		}
		select {
		case <-r.more:
		case <-end:
			t.Fatalf("frames: got %d, want %d", len(fs), n)
		}
	}
}

// all waits for the end and gives everything, and the reason of the end.
func (r *recorder) all(t *testing.T) ([]*media.Frame, error) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		t.Fatal("the stream did not end")
	}
	return r.frames, r.err
}

// testServer is a running server with a fake gate and a log that tests can read.
type testServer struct {
	*RTMP
	gate *fakeGate
	addr string
	log  *lockedBuffer
	reg  *prometheus.Registry
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startServer(t testing.TB, change func(*RTMPDeps)) *testServer {
	t.Helper()
	s := &testServer{gate: newFakeGate(), log: &lockedBuffer{}, reg: prometheus.NewRegistry()}
	d := RTMPDeps{
		Gates:      []media.Gate{s.gate},
		Log:        slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: s.reg,
	}
	if change != nil {
		change(&d)
	}
	t.Cleanup(func() { s.keepsSecrets(t) })
	s.RTMP = NewRTMP(d)
	s.addr = serveOn(t, s.RTMP)
	return s
}

// keepsSecrets looks for keys and passphrases of tests where none may be: in the log and the metrics.
func (s *testServer) keepsSecrets(t testing.TB) {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Error(err)
	}
	shown := s.log.String()
	for _, f := range families {
		shown += f.String() + "\n"
	}
	if strings.Contains(shown, "secretsecret") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
}

// serveOn serves s on a free port until the test ends.
func serveOn(t testing.TB, s *RTMP) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr().String()
}

func (s *testServer) url(key string) string { return "rtmp://" + s.addr + "/app/" + key }

// metric gives the sum of all series of a metric, or of those with the given label value.
func (s *testServer) metric(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := label == ""
			for _, l := range m.GetLabel() {
				has = has || l.GetValue() == label
			}
			if !has {
				continue
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func dialGood(t testing.TB, s *testServer, key string) *PublishConn {
	t.Helper()
	p, err := DialPublish(context.Background(), s.url(key), PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// sourceOf makes a source that reads b and then ends.
func sourceOf(t testing.TB, b []byte) *source {
	return newSource(&bytesConn{r: bytes.NewReader(b)}, time.Now)
}

// bytesConn is a connection on which a fixed input comes in and all output is thrown away.
type bytesConn struct {
	net.Conn
	r io.Reader
}

func (c *bytesConn) Read(b []byte) (int, error)       { return c.r.Read(b) }
func (c *bytesConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *bytesConn) Close() error                     { return nil }
func (c *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bytesConn) SetWriteDeadline(time.Time) error { return nil }
func (c *bytesConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
