package tlsport_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/tlsport"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

func logOf(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// lines is a log that a test waits for.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

// await gives the log once it holds what.
func (l *lines) await(t *testing.T, what string) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if strings.Contains(text, what) {
			return text
		}
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("the log does not say %q: %s", what, text)
		}
	}
}

func TestChangedCertificatesAreTaken(t *testing.T) {
	ca, dir := tlstest.New(t), t.TempDir()
	cert, key := ca.Issue(dir, "one.example")
	log := &lines{more: make(chan struct{}, 1)}
	f, err := tlsport.OpenFiles(cert, key, slog.New(slog.NewTextHandler(log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { _ = f.Watch(ctx, 5*time.Millisecond) })
	defer watching.Wait()
	defer cancel()
	shown := func(want string) {
		t.Helper()
		c, err := f.Config().GetCertificate(nil)
		if err != nil || c.Leaf.DNSNames[0] != want {
			t.Errorf("%v %v, want %s", c.Leaf.DNSNames, err, want)
		}
	}
	shown("one.example")

	private, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := log.await(t, "the old one stays")
	shown("one.example")
	if secret := strings.Split(string(private), "\n")[1]; strings.Contains(text, secret) {
		t.Error("the log holds the key")
	}

	ca.Issue(dir, "two.example")
	log.await(t, "TLS certificate reloaded")
	shown("two.example")

	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	log.await(t, "no such file")
	shown("two.example")

	// A link to another folder, as secrets are mounted.
	newer, _ := ca.Issue(t.TempDir(), "three.example")
	if err := errors.Join(os.Remove(key), os.Symlink(filepath.Join(filepath.Dir(newer), "key.pem"), key), os.Symlink(newer, cert)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for f.Leaf().DNSNames[0] != "three.example" && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	shown("three.example")
}

func TestUnusableFilesAreNamed(t *testing.T) {
	ca := tlstest.New(t)
	cert, key := ca.Issue(t.TempDir(), "a.example")
	_, other := ca.Issue(t.TempDir(), "a.example")
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cert, key string
		isKey     bool
	}{
		"no certificate":      {"/nowhere", key, false},
		"no key":              {cert, "/nowhere", true},
		"another's key":       {cert, other, true},
		"a key in its place":  {key, key, false},
		"a broken one":        {garbage, key, false},
		"a certificate there": {cert, cert, true},
	} {
		_, err := tlsport.OpenFiles(c.cert, c.key, slog.New(slog.DiscardHandler), nil)
		var bad *tlsport.FileError
		if !errors.As(err, &bad) || bad.Key != c.isKey {
			t.Errorf("%s: %v", name, err)
		}
	}
}
