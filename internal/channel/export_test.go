package channel

import "context"

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
