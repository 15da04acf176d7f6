package channel

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPastsSurviveTheProcess(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * pastsAge)
	if err := os.Chtimes(stale, old, old); err != nil {
		t.Fatal(err)
	}
	p := newPasts(dir, slog.New(slog.DiscardHandler))
	if _, err := os.Stat(stale); err == nil {
		t.Error("a file of long ago is still there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.run(ctx); close(done) }()
	defer func() { cancel(); <-done }()

	text := []byte("one")
	p.keep("a", text)
	copy(text, "two") // the caller's
	if got := string(p.of("a")); got != "one" {
		t.Errorf("%q before or after it was written", got)
	}
	read := func(want string) func() bool {
		return func() bool { return string(newPasts(dir, slog.New(slog.DiscardHandler)).of("a")) == want }
	}
	wait(t, "what another process reads", read("one"))
	p.keep("a", []byte("longer than before"))
	p.keep("a", []byte("short"))
	wait(t, "the newest", read("short"))
	p.keep("a", nil)
	wait(t, "nothing once it has ended", func() bool {
		left, err := os.ReadDir(dir)
		return err == nil && len(left) == 0
	})
	if past := p.of("a"); len(past) > 0 {
		t.Errorf("%q", past)
	}
}

func TestPastsWithoutADirectoryKeepNothing(t *testing.T) {
	p := newPasts("", slog.New(slog.DiscardHandler))
	if p.keep("a", []byte("one")); p.of("a") != nil || len(p.dirty) > 0 {
		t.Error("it is kept")
	}
}

// TestADiskThatDoesNotTakeThePastHarmsNobody also holds memory: what waits is one text per channel.
func TestADiskThatDoesNotTakeThePastHarmsNobody(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPasts(file, slog.New(slog.DiscardHandler)) // no directory can be there
	for range 100 {
		p.keep("a", []byte("one"))
	}
	if len(p.dirty) != 1 || p.of("b") != nil {
		t.Errorf("%d wait", len(p.dirty))
	}
}

// TestAStreamThatIsNotAdmittedLeavesThePast has a publisher refused between a crash and the encoder's return.
func TestAStreamThatIsNotAdmittedLeavesThePast(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := NewManager(Deps{Pasts: dir})
	c, err := m.open("a")
	if err != nil {
		t.Fatal(err)
	}
	m.empty(c)
	m.done.Done()
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if past, err := os.ReadFile(filepath.Join(dir, "a")); string(past) != "one\n" {
		t.Errorf("%q, %v", past, err)
	}
}

// TestWhatIsKeptLastIsWritten ends a manager right after a part, when nobody writes any more by themselves.
func TestWhatIsKeptLastIsWritten(t *testing.T) {
	dir := t.TempDir()
	m := NewManager(Deps{Pasts: dir})
	m.stop()
	m.done.Wait()
	m.pasts.keep("a", []byte("one"))
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if past, err := os.ReadFile(filepath.Join(dir, "a")); string(past) != "one\n" {
		t.Errorf("%q, %v", past, err)
	}
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
