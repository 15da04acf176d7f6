package channel

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Admit starts a session for the channel that the publisher's key belongs to, or lets the publisher go on
// with the one that waits for its encoder. The key must exist (NotFound), the transport must be allowed
// (Denied), and nobody else may deliver frames for that channel (Conflict): a publisher that has not
// delivered for three seconds is taken over from, and one that delivers by a publisher of a higher priority
// with the same media.
func (m *Manager) Admit(ctx context.Context, p media.Publisher) (*media.Stream, error) {
	for {
		spec, err := m.d.Directory.ByStreamKey(ctx, p.Key)
		if err != nil {
			return nil, err
		}
		if !p.Encrypted && !spec.InsecureIngest && m.needsSecure(p.Remote.Addr()) {
			return nil, fault.AccessDenied("this channel takes only encrypted streams: use rtmps, or SRT with the passphrase, or allow insecureIngest")
		}
		c, err := m.open(spec.ID)
		if err != nil {
			return nil, err
		}
		stream, old, err := m.claim(ctx, c, spec, p)
		m.done.Done()
		if old == nil {
			return stream, err
		}
		select {
		case <-old.over:
		case <-ctx.Done():
			return nil, fault.Down("the earlier stream of this key is still ending").Because(ctx.Err())
		}
	}
}

// needsSecure says whether a publisher at that address must encrypt, unless its channel says otherwise.
func (m *Manager) needsSecure(from netip.Addr) bool {
	return m.d.EnforceSecureIngest && !(m.d.ExceptLoopback && from.Unmap().IsLoopback())
}

// claim begins or continues a session on a channel, or gives the one that has to end first.
func (m *Manager) claim(ctx context.Context, c *channel, spec Spec, p media.Publisher) (stream *media.Stream, old *session, err error) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return nil, gone, nil
	}
	if old := c.session; old != nil {
		c.mu.Unlock()
		stream, err := m.join(old, p)
		if stream != nil || err != nil {
			return stream, nil, err
		}
		return nil, old, nil
	}
	if c.spec.Authorized && !spec.Authorized {
		c.mu.Unlock()
		m.empty(c) // what is left of a private stream does not become public with the next
		return nil, gone, nil
	}
	if !m.enter() {
		c.mu.Unlock()
		return nil, nil, m.tooManyStreams()
	}
	s := m.newSession(spec, p)
	c.session, c.spec = s, spec // claims the channel before anything slow happens
	c.mu.Unlock()
	// Whoever changes or deletes a channel wants nobody to publish to it. From the claim on somebody does,
	// but the channel may have changed since it was looked up.
	if now, err := m.d.Directory.ByStreamKey(ctx, p.Key); err != nil || !reflect.DeepEqual(now, spec) {
		s.stop(errDraining) // nobody joins it
		m.leave(c, s, false)
		if err != nil {
			return nil, nil, err
		}
		return nil, s, nil
	}
	stream, err = m.begin(ctx, c, s)
	return stream, nil, err
}

// gone is the session that a forgotten channel has: it is over.
var gone = func() *session {
	s := &session{over: make(chan struct{})}
	close(s.over)
	return s
}()

// join lets a publisher go on with a session whose encoder was lost, or does not deliver any more. It gives
// neither a stream nor an error if the session has to end first.
func (m *Manager) join(s *session, p media.Publisher) (*media.Stream, error) {
	now := m.d.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return nil, nil
	}
	why := s.pub.stream.Err()
	switch {
	case !s.begun: // its first publisher is not admitted yet, and waits for the store
		return nil, fault.InConflict("this stream key is going live already")
	case why == nil && s.pub.silentFor(now) < deadPublisher:
		if p.Priority > 0 {
			return m.contest(s, p, now)
		}
		return nil, fault.InConflict("this stream key is live already")
	case m.d.Reconnect <= 0 && why == nil:
		s.end(errTakenOver)
		s.pub.stream.Stop(errTakenOver)
		return nil, nil
	case m.d.Reconnect <= 0 || why != nil && !lost(why):
		return nil, nil
	}
	pub := newPublication(p, now)
	m.follow(s, pub)
	s.replace(pub)
	return pub.stream, nil
}

func (m *Manager) begin(ctx context.Context, c *channel, s *session) (*media.Stream, error) {
	if err := m.create(ctx, s); err != nil {
		// The store may have taken it all the same, and only its answer was lost: then it must end.
		unwritten := ourFailure("the stream could not be written down", err)
		s.stop(unwritten)
		m.done.Go(func() {
			m.persist(m.d.Log, "end", func(ctx context.Context) error { return m.finish(ctx, s, m.d.Now(), failureIn(unwritten)) })
			m.leave(c, s, true)
		})
		return nil, fmt.Errorf("begin stream session: %w", err)
	}
	c.prepare(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing { // Close has stopped what it saw; this one it did not see
		s.stop(errDraining)
	}
	s.mu.Lock()
	s.begun = true
	pub := s.pub
	m.follow(s, pub)
	s.mu.Unlock()
	m.done.Go(func() { m.run(c, s) })
	return pub.stream, nil
}

// leave gives the channel back. The playlist ends if there is nothing more to wait for.
func (m *Manager) leave(c *channel, s *session, ends bool) {
	c.mu.Lock()
	c.session, c.idle = nil, m.d.Now()
	c.pack.Leave()
	if ends {
		c.ended = true
		c.pack.End()
	}
	c.mu.Unlock()
	m.streams.Add(-1)
	close(s.over)
}
