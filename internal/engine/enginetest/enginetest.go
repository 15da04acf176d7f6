// Package enginetest starts a real engine on free ports in a temporary directory, for tests.
package enginetest

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// Engine is a running engine. It stops, and its directory goes, when the test ends.
type Engine struct {
	*engine.Engine
	URL         string // of the HTTP listener, without a slash at its end
	RTMP        string // rtmp://host:port/app/
	HTTPS       string // URL of the TLS port, without a slash at its end; without TLS, nothing listens there
	RTMPS       string // rtmps://host:port/app/, on the same port
	SRT         string // srt://host:port
	Admin       string // URL of the admin listener
	Region      string
	AccessKeyID string
	Secret      string

	t    testing.TB
	log  *logBuffer
	stop func()
}

// Option changes the configuration before the start.
type Option func(*engine.Config)

// DataDir uses a directory that the caller keeps.
func DataDir(dir string) Option { return func(c *engine.Config) { c.DataDir = dir } }

// Database uses another database than SQLite in the data directory.
func Database(url string) Option { return func(c *engine.Config) { c.DatabaseURL = url } }

// TLS serves HTTPS and RTMPS on 127.0.0.1 with a certificate of that authority.
func TLS(t testing.TB, ca *tlstest.CA) Option {
	cert, key := ca.Issue(t.TempDir(), "127.0.0.1", "localhost")
	return func(c *engine.Config) { c.TLSCert, c.TLSKey = cert, key }
}

// Start runs an engine and waits until it is ready.
func Start(t testing.TB, options ...Option) *Engine {
	t.Helper()
	cfg := engine.Defaults()
	cfg.DataDir = t.TempDir()
	cfg.HTTPAddr, cfg.RTMPAddr, cfg.WebRTCAddr, cfg.AdminAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.HTTPSAddr, cfg.SRTAddr = "127.0.0.1:0", "127.0.0.1:0"
	cfg.LogLevel = "debug"
	for _, o := range options {
		o(&cfg)
	}
	log := &logBuffer{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.New(ctx, cfg, engine.NewLog(log, cfg.LogLevel, cfg.LogFormat))
	if err != nil {
		t.Fatalf("build engine: %v", err)
	}
	var once sync.Once
	stop := func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := e.Stop(ctx); err != nil {
				t.Errorf("stop engine: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the engine's log:\n%s", log.tail(200))
		}
	})
	if err := e.Start(ctx); err != nil {
		t.Fatalf("start engine: %v", err)
	}
	a := e.Addresses()
	id, secret := e.RootKey()
	te := &Engine{
		Engine: e, URL: "http://" + a.HTTP, RTMP: "rtmp://" + a.RTMP + "/app/",
		HTTPS: "https://" + a.HTTPS, RTMPS: "rtmps://" + a.HTTPS + "/app/", SRT: "srt://" + a.SRT, Admin: "http://" + a.Admin,
		Region: cfg.Region, AccessKeyID: id, Secret: secret, t: t, log: log, stop: stop,
	}
	te.waitReady(ctx)
	return te
}

func (e *Engine) waitReady(ctx context.Context) {
	e.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(e.URL + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			e.t.Fatalf("the engine is not ready: %v", err)
		case <-tick.C:
		}
	}
}

// Stop ends the engine before the test does.
func (e *Engine) Stop() { e.stop() }

// AWS is a client configuration for this engine with its root key.
func (e *Engine) AWS() aws.Config {
	return aws.Config{
		Region: e.Region, BaseEndpoint: aws.String(e.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.Secret}, nil
		}),
	}
}

// Log is everything logged so far.
func (e *Engine) Log() string { return e.log.tail(1 << 20) }

// logBuffer keeps what is logged, for a test that fails or looks for secrets.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) tail(lines int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(strings.TrimRight(l.buf.String(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
