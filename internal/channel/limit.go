package channel

import (
	"context"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// breachAgain is how long an account hears no more of a limit that it has just heard of.
const breachAgain = time.Minute

// breaches remembers when each limit was last told to be passed.
type breaches struct {
	mu   sync.Mutex
	told map[string]time.Time // by limit_name
}

// due says whether a breach is to be told now, and takes it as told.
func (b *breaches) due(name string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.told[name]; ok && now.Sub(at) < breachAgain {
		return false
	}
	if b.told == nil {
		b.told = map[string]time.Time{}
	}
	b.told[name] = now
	return true
}

// enter counts a new session if there may be one more. leave counts it off.
func (m *Manager) enter() bool {
	if n := m.streams.Add(1); m.d.MaxStreams > 0 && n > int64(m.d.MaxStreams) {
		m.streams.Add(-1)
		return false
	}
	return true
}

// tooManyStreams tells the account, and gives what the encoder is refused with.
func (m *Manager) tooManyStreams() error {
	m.breach("Concurrent Broadcasts", "active streams", m.d.MaxStreams)
	return fault.OverQuota(m.d.MaxStreams, "%d streams are live already, which is the quota", m.d.MaxStreams)
}

// tooManyViewers tells the account, and gives what the player is refused with.
func (m *Manager) tooManyViewers() error {
	m.breach("Concurrent Viewers", "viewers", m.d.MaxViewers)
	return fault.TooFast(m.d.MaxViewers, "%d viewers are watching already, which is the quota", m.d.MaxViewers)
}

// breach tells the account that one more than the limit was wanted. The caller holds no lock.
func (m *Manager) breach(name, unit string, limit int) {
	now := m.d.Now()
	if !m.breaches.due(name, now) {
		return
	}
	m.background(func() {
		m.d.Log.Warn("a limit is reached", "limit_name", name, "limit_value", limit)
		m.persist(m.d.Log, "limit breach", func(ctx context.Context) error {
			return m.send(ctx, limitBreach, nil, now, map[string]any{
				"limit_name": name, "limit_value": limit, "exceeded_by": 1, "limit_unit": unit,
			})
		})
		m.wake()
	})
}

// background runs what Close waits for; not at all once Close was called.
func (m *Manager) background(run func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closing {
		m.done.Go(run)
	}
}
