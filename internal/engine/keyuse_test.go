package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/store"
)

func TestAKeysUseIsWrittenDownOnceAMinute(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "test.db"), store.Options{Now: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ring, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	a := newAccessKeys(db, ring, &cfg, clock, slog.New(slog.DiscardHandler))
	k, _, err := Keys{a}.Create(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	used := func() time.Time {
		t.Helper()
		for range 3 {
			a.noteUse(k.ID)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel() // what is left is written all the same
		if err := a.writeUses(over); err != nil {
			t.Fatal(err)
		}
		got, err := Keys{a}.Get(t.Context(), k.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.LastUsed
	}
	first := now
	if got := used(); !got.Equal(first) {
		t.Errorf("the first use: %v", got)
	}
	now = first.Add(59 * time.Second)
	if got := used(); !got.Equal(first) {
		t.Errorf("another use within the minute: %v", got)
	}
	now = first.Add(60 * time.Second)
	if got := used(); !got.Equal(now) {
		t.Errorf("a use a minute later: %v", got)
	}
}

func TestAChangeOfAKeyHoldsAtOnceHereAndWithinASecondElsewhere(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "test.db"), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ring, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	now := time.Now()

	a := newAccessKeys(db, ring, &cfg, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	k, secret, err := Keys{a}.Create(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, who, err := a.Secret(t.Context(), k.ID); err != nil || got != secret || who.Policy != nil {
		t.Fatalf("%+v, %v", who, err)
	}
	if err := (Keys{a}).SetPolicy(t.Context(), k.ID, []byte(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)); err != nil {
		t.Fatal(err)
	}
	if _, who, err := a.Secret(t.Context(), k.ID); err != nil || who.Policy == nil { // the clock stands still
		t.Errorf("the old policy holds: %+v, %v", who, err)
	}
	// Another process takes the policy away: this one knows within a second.
	if err := db.SetAccessKeyPolicy(t.Context(), k.ID, ""); err != nil {
		t.Fatal(err)
	}
	now = now.Add(keyTime)
	if _, who, err := a.Secret(t.Context(), k.ID); err != nil || who.Policy != nil {
		t.Errorf("a second later: %+v, %v", who, err)
	}
	// A policy that cannot be read lets nobody in.
	if err := db.SetAccessKeyPolicy(t.Context(), k.ID, "{"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(keyTime)
	if _, _, err := a.Secret(t.Context(), k.ID); err == nil {
		t.Error("a broken policy is none")
	}
}

// meanwhile is a context that does something once, when somebody begins to wait by it.
type meanwhile struct {
	context.Context
	once func()
}

func (m meanwhile) Done() <-chan struct{} {
	m.once()
	return m.Context.Done()
}

func TestAKeyThatChangesWhileItIsReadIsNotRemembered(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "test.db"), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ring, err := auth.OpenKeyring(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	a := newAccessKeys(db, ring, &cfg, time.Now, slog.New(slog.DiscardHandler))
	k, _, err := Keys{a}.Create(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	dropped := false
	ctx := meanwhile{t.Context(), sync.OnceFunc(func() { a.drop(k.ID); dropped = true })}
	if _, _, err := a.Secret(ctx, k.ID); err != nil || !dropped {
		t.Fatal(err, dropped)
	}
	if len(a.known) != 0 {
		t.Error("what may be old is remembered")
	}
	if _, _, err := a.Secret(t.Context(), k.ID); err != nil || len(a.known) != 1 {
		t.Errorf("%d keys are known: %v", len(a.known), err)
	}
}
