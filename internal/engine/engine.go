// Package engine builds everything from one Config, and starts and stops it in order.
//
// New opens and wires all parts and binds the listeners; nothing is served yet. Start serves. Stop
// drains: readiness goes first, then publishers are told, sessions write their ends, sockets close, and
// the store is last. What is wired to what can be read here in one sitting; nothing registers itself.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/transcode"
)

//go:generate go run ./configdoc ../../docs/config.md

// Engine is one running server.
type Engine struct {
	cfg  Config
	log  *slog.Logger
	reg  *prometheus.Registry
	root credentials
	addr Addresses

	credentialsFile string
	front           *front
	channels        *channel.Manager
	ffmpeg          atomic.Pointer[transcode.FFmpeg] // nil: none, or not found yet
	sought          atomic.Bool                      // it was looked for
	parts           []part                           // in the order of starting

	failed   chan error // the first part that died while serving
	failOnce sync.Once
}

// part is one thing with a life: started in order, stopped in reverse. Either function may be nil.
type part struct {
	name  string
	start func(ctx context.Context) error
	stop  func(ctx context.Context) error
}

// add notes a part.
func (e *Engine) add(name string, start, stop func(ctx context.Context) error) {
	e.parts = append(e.parts, part{name, start, stop})
}

// New builds an engine. Its error is a *BadConfig where a setting is at fault. An engine that was built
// must be stopped, started or not.
func New(ctx context.Context, cfg Config, logger *slog.Logger) (*Engine, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := cfg.prepareDataDir(); err != nil {
		return nil, &BadConfig{"data-dir", err.Error()}
	}
	e := &Engine{cfg: cfg, log: logger, reg: newRegistry(), failed: make(chan error, 1)}
	if err := e.build(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(err, e.Stop(stop))
	}
	return e, nil
}

// Start serves. After an error the engine must still be stopped.
func (e *Engine) Start(ctx context.Context) error {
	for _, p := range e.parts {
		if p.start == nil {
			continue
		}
		if err := p.start(ctx); err != nil {
			return fmt.Errorf("start %s: %w", p.name, err)
		}
	}
	return e.addr.write(e.cfg.DataDir)
}

// Stop drains and closes everything, in the reverse order of starting, until ctx ends. It may be called
// once.
func (e *Engine) Stop(ctx context.Context) error {
	if e.front != nil {
		e.front.draining.Store(true)
	}
	var errs []error
	for i := len(e.parts) - 1; i >= 0; i-- {
		if p := e.parts[i]; p.stop != nil {
			if err := p.stop(ctx); err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
			}
		}
	}
	e.parts = nil
	return errors.Join(errs...)
}

// Failed gives the error of a part that died by itself while serving.
func (e *Engine) Failed() <-chan error { return e.failed }

func (e *Engine) fail(part string, err error) {
	e.failOnce.Do(func() { e.failed <- fmt.Errorf("%s: %w", part, err) })
}

// Addresses are those really bound.
func (e *Engine) Addresses() Addresses { return e.addr }

// RootKey is the operator's first access key.
func (e *Engine) RootKey() (id, secret string) { return e.root.ID, e.root.Secret }

// CredentialsFile is where RootKey is kept, in the form that AWS tools read.
func (e *Engine) CredentialsFile() string { return e.credentialsFile }

// DataDir is the directory really used.
func (e *Engine) DataDir() string { return e.cfg.DataDir }

// Channels is the live side, for tests that look at it.
func (e *Engine) Channels() *channel.Manager { return e.channels }

// listen binds an address; a failure names the setting.
func (e *Engine) listen(setting, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &BadConfig{setting, strings.TrimPrefix(err.Error(), "listen ")}
	}
	return ln, nil
}

// newHTTP makes the HTTP server of a part. What it says of HTTP/2 is for connections that come by TLS.
func (e *Engine) newHTTP(name string, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute, // of one answer; longer than any blocked playlist; sockets clear it when they take over
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 128,              // a player blocks on two or three, a page loads some dozens
			SendPingTimeout:      30 * time.Second, // silence after which a client is asked whether it is there
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     20 * time.Second, // a client that takes nothing at all is dropped
		},
		ErrorLog: log.New(serverErrors{e.log.With("part", name)}, "", 0),
	}
}

// serveHTTP adds a listener's HTTP server as a part.
func (e *Engine) serveHTTP(name string, ln net.Listener, srv *http.Server) {
	var served sync.WaitGroup
	e.add(name, func(context.Context) error {
		served.Go(func() {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				e.fail(name, err)
			}
		})
		return nil
	}, func(ctx context.Context) error {
		// Blocked playlist requests end by themselves within seconds; nobody waits longer for them.
		grace, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		err := srv.Shutdown(grace)
		if err != nil {
			err = srv.Close()
		}
		ln.Close()
		served.Wait()
		return err
	})
}

// removeEphemeral is the last thing an ephemeral engine does.
func (e *Engine) removeEphemeral(context.Context) error {
	if e.cfg.Ephemeral {
		return os.RemoveAll(e.cfg.DataDir)
	}
	return nil
}

// serverErrors takes what net/http complains of: a handler that panicked is a bug and is always logged, the
// rest (peers that break TLS or hang up) is noise.
type serverErrors struct{ log *slog.Logger }

func (s serverErrors) Write(p []byte) (int, error) {
	text, level := strings.TrimSpace(string(p)), slog.LevelDebug
	if strings.Contains(text, "panic") {
		level = slog.LevelError
	}
	s.log.Log(context.Background(), level, text)
	return len(p), nil
}
