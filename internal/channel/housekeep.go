package channel

import (
	"context"
	"time"
)

// housekeep counts viewers, ends playlists whose stream did not come back, and forgets channels that
// are idle.
func (m *Manager) housekeep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if used, reserved := m.tidy(m.d.Now()); reserved > 0 && used+discontinuityStep/2 > reserved {
			if err := m.reserve(ctx, used+discontinuityStep); err != nil && ctx.Err() == nil {
				m.d.Log.Warn("could not reserve discontinuity numbers, trying again", "err", err)
			}
		}
	}
}

// tidy is one round of housekeeping. It gives the highest discontinuity number in use, and up to where
// they are written down; zero before Recover.
func (m *Manager) tidy(now time.Time) (used, reserved uint64) {
	live, viewers := 0, int64(0)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.channels {
		number := c.pack.Discontinuity()
		c.mu.Lock()
		switch idle := now.Sub(c.idle); {
		case c.session != nil:
			live++
			viewers += c.session.count(c.viewers, now)
			m.watchHealth(c.session, now)
			m.watchIngest(c.session, now)
			m.prepare(c.session)
			c.session.expire(now, m.d.Reconnect)
			m.measure(c.session, now)
		case idle > forget:
			m.drop(c)
		case idle > comeback && !c.ended:
			c.ended = true
			c.pack.End()
		default:
			c.viewers.sweep(now, false)
		}
		c.mu.Unlock()
		used = max(used, number)
	}
	m.metrics.live.Set(float64(live))
	m.metrics.viewers.Set(float64(viewers))
	return max(used, m.discontinuity), m.reserved
}

// drop forgets a channel that nobody publishes to. The caller holds Manager.mu and channel.mu.
func (m *Manager) drop(c *channel) {
	c.gone = true
	c.viewers.leave()
	c.pack.Close()
	delete(m.channels, c.id)
	m.discontinuity = max(m.discontinuity, c.pack.Discontinuity()+1)
}

// empty drops a channel unless somebody publishes to it.
func (m *Manager) empty(c *channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil && !c.gone {
		m.drop(c)
	}
}
