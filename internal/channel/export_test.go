package channel

// Tidy is one round of housekeeping, now.
func (m *Manager) Tidy() { m.tidy(m.d.Now()) }
