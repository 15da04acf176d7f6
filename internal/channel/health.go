package channel

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

// starvesAfter is how long no frame may come until a stream counts as starving.
const starvesAfter = 2 * time.Second

// watchHealth tells of the beginning and the end of a starvation. The caller holds Manager.mu and comes
// often. What it does not get told in time is made good when the session ends.
func (m *Manager) watchHealth(s *session, now time.Time) {
	starving := !s.startedAt().IsZero() && s.silentFor(now) > starvesAfter
	if m.closing || s.ending() || starving == s.saidStarving.Load() || !s.saying.CompareAndSwap(false, true) {
		return
	}
	m.done.Go(func() {
		defer s.saying.Store(false)
		log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
		m.persist(log, "health", func(ctx context.Context) error { return m.starve(ctx, s, starving, now) })
		m.wake()
	})
}

// starve writes that a starvation begins or ends, once, of a session that is known to be live.
func (m *Manager) starve(ctx context.Context, s *session, starving bool, at time.Time) error {
	known := false
	_, err := m.record(ctx, s, func(_ *store.StreamSession, r *Record) []tale {
		known = r.Live
		if !r.Live || r.Starving == starving {
			return nil
		}
		r.Starving = starving
		name := "Starvation End"
		if starving {
			name = "Starvation Start"
		}
		return []tale{happened(name, healthChange, at)}
	})
	if err == nil && known {
		s.saidStarving.Store(starving)
	}
	return err
}
