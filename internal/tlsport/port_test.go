package tlsport_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/tlsport"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// world is a port with an HTTP server and an RTMP server that only tells what came first.
type world struct {
	*tlsport.Port
	ca      *tlstest.CA
	at      string
	metrics *prometheus.Registry
	rtmp    chan string
}

func start(t *testing.T, o tlsport.Options) *world {
	t.Helper()
	goleak.VerifyNone(t)
	ca := tlstest.New(t)
	cert, key := ca.Issue(t.TempDir(), "127.0.0.1")
	files, err := tlsport.OpenFiles(cert, key, logOf(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{ca: ca, at: ln.Addr().String(), metrics: prometheus.NewRegistry(), rtmp: make(chan string, 1)}
	o.Config, o.Registerer, o.Log = files.Config(), w.metrics, logOf(t)
	o.RTMP = func(nc net.Conn) {
		defer nc.Close()
		b := make([]byte, 4)
		_, _ = io.ReadFull(nc, b)
		w.rtmp <- string(b)
	}
	w.Port = tlsport.New(ln, o)
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s %v", r.Proto, r.TLS != nil && r.TLS.HandshakeComplete)
	}), ReadHeaderTimeout: 10 * time.Second}
	tlsport.Prepare(srv)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := w.Serve(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	serving.Go(func() {
		if err := srv.Serve(w.Port); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		srv.Close()
		w.Close()
		serving.Wait()
		goleak.VerifyNone(t)
	})
	return w
}

// dial makes a handshake with the given protocols offered.
func (w *world) dial(t *testing.T, protocols ...string) *tls.Conn {
	t.Helper()
	conf := w.ca.Client()
	conf.NextProtos = protocols
	d := tls.Dialer{Config: conf, NetDialer: &net.Dialer{Timeout: 20 * time.Second}}
	nc, err := d.DialContext(t.Context(), "tcp", w.at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc.(*tls.Conn)
}

// get asks by HTTP, and gives the version and whether the handler saw the TLS.
func (w *world) get(t *testing.T, http2 bool) string {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: w.ca.Client(), ForceAttemptHTTP2: http2, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	c := http.Client{Transport: tr, Timeout: 20 * time.Second}
	resp, err := c.Get("https://" + w.at + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// handshakes is the counter of one result.
func (w *world) handshakes(t *testing.T, result string) float64 {
	t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "streamcat_tls_handshakes_total" && m.Label[0].GetValue() == result {
				return m.Counter.GetValue()
			}
		}
	}
	return 0
}

func TestEachProtocolFindsItsServer(t *testing.T) {
	w := start(t, tlsport.Options{})
	if got := w.get(t, true); got != "HTTP/2.0 true" {
		t.Error(got)
	}
	if got := w.get(t, false); got != "HTTP/1.1 true" {
		t.Error(got)
	}
	nc := w.dial(t) // without ALPN
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if all, err := io.ReadAll(nc); err != nil || !strings.HasSuffix(string(all), "HTTP/1.1 true") {
		t.Errorf("%s %v", all, err)
	}
	nc = w.dial(t)
	if _, err := nc.Write([]byte("\x03abc")); err != nil {
		t.Fatal(err)
	}
	if got := <-w.rtmp; got != "\x03abc" {
		t.Errorf("RTMP got %q", got)
	}
	for _, first := range []byte{0, 1} {
		nc = w.dial(t)
		if _, err := nc.Write([]byte{first, 1, 0, 0}); err != nil {
			t.Fatal(err)
		}
		if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
			t.Errorf("STUN: %d %v", n, err)
		}
	}
	want := `
# HELP streamcat_tls_connections_total Connections by what is spoken over TLS.
# TYPE streamcat_tls_connections_total counter
streamcat_tls_connections_total{protocol="h2"} 1
streamcat_tls_connections_total{protocol="http/1.1"} 2
streamcat_tls_connections_total{protocol="rtmp"} 1
streamcat_tls_connections_total{protocol="stun"} 2
`
	if err := testutil.GatherAndCompare(w.metrics, strings.NewReader(want), "streamcat_tls_connections_total"); err != nil {
		t.Error(err)
	}
}

// TestSTUNGoesToTheRelay where there is one, whether the client names the protocol or not.
func TestSTUNGoesToTheRelay(t *testing.T) {
	got := make(chan string, 1)
	w := start(t, tlsport.Options{TURN: func(nc net.Conn) {
		defer nc.Close()
		b := make([]byte, 4)
		_, _ = io.ReadFull(nc, b)
		got <- string(b)
	}})
	for _, protocols := range [][]string{nil, {"stun.turn"}} {
		conf := w.ca.Client()
		conf.NextProtos = protocols
		nc, err := tls.Dial("tcp", w.at, conf)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write([]byte("\x00\x03\x00\x08")); err != nil {
			t.Fatal(err)
		}
		if first := <-got; first != "\x00\x03\x00\x08" {
			t.Errorf("%v: the relay got %q", protocols, first)
		}
	}
	if got := w.get(t, true); !strings.HasSuffix(got, " true") {
		t.Error(got)
	}
}

func TestPlainHTTPIsToldToUseHTTPS(t *testing.T) {
	w := start(t, tlsport.Options{})
	resp, err := http.Get("http://" + w.at + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "https://") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestOldTLSAndUnknownProtocolsAreRefused(t *testing.T) {
	w := start(t, tlsport.Options{})
	old, strange := w.ca.Client(), w.ca.Client()
	old.MaxVersion = tls.VersionTLS11
	old.MinVersion = tls.VersionTLS10
	strange.NextProtos = []string{"gopher"}
	for name, conf := range map[string]*tls.Config{"TLS 1.1": old, "another protocol": strange} {
		nc, err := tls.Dial("tcp", w.at, conf)
		if err == nil {
			nc.Close()
			t.Errorf("%s was taken", name)
		}
	}
}

// TestCrowdsHarmNobody connects many times more often than may wait, with half handshakes, silence and garbage,
// while others come and are served.
func TestCrowdsHarmNobody(t *testing.T) {
	w := start(t, tlsport.Options{MaxWaiting: 64})
	var crowd []net.Conn
	defer func() {
		for _, nc := range crowd {
			nc.Close()
		}
	}()
	noise := make([]byte, 2048)
	for i := range 1000 {
		nc, err := net.Dial("tcp", w.at)
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, nc)
		switch i % 4 {
		case 0: // a ClientHello that never ends
			_, _ = nc.Write([]byte{0x16, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xFC})
		case 1:
			_, _ = rand.Read(noise)
			_, _ = nc.Write(noise)
		case 2:
			_, _ = nc.Write([]byte("\x03" + strings.Repeat("x", 1536))) // RTMP without TLS
		}
		if i%50 == 0 {
			if got := w.get(t, i%100 == 0); !strings.HasSuffix(got, " true") {
				t.Fatal(got)
			}
		}
	}
	if n := w.handshakes(t, "crowded_out"); n == 0 {
		t.Error("nobody was crowded out")
	}
	if n := w.handshakes(t, "done"); n != 20 {
		t.Errorf("%v handshakes, want 20", n)
	}
}

func TestSilenceEnds(t *testing.T) {
	w := start(t, tlsport.Options{Patience: 300 * time.Millisecond})
	raw, err := net.Dial("tcp", w.at)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for name, nc := range map[string]net.Conn{"before the handshake": raw, "after it": w.dial(t)} {
		if err := nc.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.handshakes(t, "late"); n != 1 {
		t.Errorf("%v came late, want 1", n)
	}
	if got := w.get(t, true); got != "HTTP/2.0 true" {
		t.Error(got)
	}
}

func TestCloseEndsWhatWaitsAndLeavesWhatIsServed(t *testing.T) {
	w := start(t, tlsport.Options{})
	raw, err := net.Dial("tcp", w.at)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	nc := w.dial(t, "http/1.1")
	ask := func() {
		t.Helper()
		fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		b := make([]byte, 4096)
		if n, err := nc.Read(b); err != nil || !bytes.Contains(b[:n], []byte("HTTP/1.1 true")) {
			t.Errorf("%s %v", b[:n], err)
		}
	}
	ask()
	w.Close()
	if _, err := raw.Read(make([]byte, 1)); err == nil {
		t.Error("a connection waits for a port that is closed")
	}
	ask()
	d := net.Dialer{Timeout: time.Second}
	if late, err := d.DialContext(context.Background(), "tcp", w.at); err == nil {
		late.Close()
		t.Error("the port still listens")
	}
}
