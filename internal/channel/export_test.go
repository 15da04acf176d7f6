package channel

import (
	"context"
	"testing"

	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// NewStore gives a test a database of its own.
func NewStore(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Tidy is one round of housekeeping, now.
func (m *Manager) Tidy() { m.tidy(m.d.Now()) }

// Waiting is the number of requests that a revocation would cut.
func (m *Manager) Waiting() int {
	m.revoked.mu.RLock()
	defer m.revoked.mu.RUnlock()
	return len(m.revoked.open)
}

// Reread takes over the revocations that are written down, now.
func (m *Manager) Reread(ctx context.Context) error { return m.rereadRevocations(ctx) }

// Noted counts the frames of a channel's session that were watched.
func (m *Manager) Noted(channelARN string) int64 {
	s := m.sessionOf(channelARN)
	if s == nil {
		return 0
	}
	s.numbers.meter.mu.Lock()
	defer s.numbers.meter.mu.Unlock()
	return s.numbers.meter.noted
}

// Saving says whether a channel's history is being written.
func (m *Manager) Saving(channelARN string) bool {
	s := m.sessionOf(channelARN)
	if s == nil {
		return false
	}
	s.numbers.history.mu.Lock()
	defer s.numbers.history.mu.Unlock()
	return s.numbers.history.saving
}

// Excessive says whether a channel's stream passes a limit of ingest, and is being cut.
func (m *Manager) Excessive(channelARN string) bool {
	s := m.sessionOf(channelARN)
	return s != nil && s.excessive.Load()
}

// Advising says whether somebody writes down what the coach of a channel found.
func (m *Manager) Advising(channelARN string) bool {
	s := m.sessionOf(channelARN)
	return s != nil && s.advising.Load()
}

// Quiet stops housekeeping: from now on there is Tidy. It is called before anybody publishes; then frames are
// looked at as they come.
func (m *Manager) Quiet() {
	m.stop()
	m.glance = 0
}
