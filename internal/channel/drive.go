package channel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/media"
)

// run packs what the publications of a session bring until it ends, then writes the end down.
func (m *Manager) run(c *channel, s *session) {
	m.metrics.sessions.Inc()
	log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)

	c.mu.Lock()
	c.ended = false
	c.mu.Unlock()
	reason := m.drive(c, s, log)
	at := m.d.Now()
	s.watchers.Wait()
	s.tasks.Wait()
	s.numbers.last(at, s.viewers.Load())
	m.writeHistory(log, s)
	m.persist(log, "end", func(ctx context.Context) error { return m.finish(ctx, s, at, failureIn(reason)) })
	orderly := errors.Is(reason, io.EOF)
	log.Info("stream session ended", "orderly", orderly, "reason", reason)
	m.leave(c, s, orderly || errors.Is(reason, errNotBack))
	m.wake()
}

// prepare makes the playlists ready for a session. It comes before anybody can find the channel live: who
// does may put metadata, even before the packager has begun.
func (c *channel) prepare(s *session) {
	c.pack.Announce(hls.Broadcast{StreamID: s.id, Plain: s.spec.LatencyMode == "NORMAL"})
	c.pack.Expect()
}

// follow watches a publication that may deliver from now on. The caller holds session.mu, or nobody else
// knows the session yet.
func (m *Manager) follow(s *session, p *publication) {
	log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
	s.watchers.Go(func() {
		s.watch(p, m.glance, m.d.Now, func() {
			// Beside the watching: a slow database must not make the publisher look dead.
			s.tasks.Go(func() { m.announce(log, s) })
		}, func() {
			s.tasks.Go(func() {
				m.persist(log, "tracks", func(ctx context.Context) error { return m.noteTracks(ctx, s) })
			})
		})
	})
}

// drive packages one publication after the other, and gives why the session ends.
func (m *Manager) drive(c *channel, s *session, log *slog.Logger) error {
	for {
		p, err := m.await(c, s, log)
		if err != nil {
			return err
		}
		log.Info("an encoder delivers", "protocol", p.protocol, "remote", p.remote, "encoder", p.stream.Info().Encoder)
		m.pack(c, s, p, log)
	}
}

// pack packages a publication until it ends, or is silent for so long that viewers shall see a slate.
func (m *Manager) pack(c *channel, s *session, p *publication, log *slog.Logger) {
	ctx, hush := context.WithCancel(context.Background())
	defer hush()
	packed := make(chan error, 1)
	go func() { packed <- c.pack.Run(ctx, p.packer) }()
	for {
		select {
		case err := <-packed:
			p.packer.Close()
			switch {
			case ctx.Err() != nil: // it may go on, from the next key frame
				p.packer = p.stream.NewReader(media.ReaderOptions{})
			case err != nil && p.running():
				log.Error("packaging failed", "err", err)
				s.stop(ourFailure("the stream could not be packaged", err))
			}
			return
		case <-s.news:
			if p.running() && p.silentFor(m.d.Now()) >= deadPublisher && m.slate(s) != nil {
				hush()
			}
		}
	}
}

// await gives the publication that has a picture to go on with, or why the session ends. Until it does,
// viewers of a stream that has begun see a slate.
func (m *Manager) await(c *channel, s *session, log *slog.Logger) (*publication, error) {
	var spent *publication // it ended, and all that came of it is packaged
	end := func() {}       // of the slate
	defer func() { end() }()
	shown := false
	for {
		p, reason := s.newest()
		if reason != nil {
			return nil, reason
		}
		if !shown && s.lacks(m.d.Now()) {
			if slate := m.slate(s); slate != nil {
				shown, end = true, m.show(c, s, slate, log)
			}
		}
		switch {
		case p == spent:
			<-s.news
		case s.pictured(p):
			return p, nil
		case !p.running():
			spent = p
			m.settle(s, p)
		}
	}
}

// pictured waits until a publication has a picture, and gives false when it ended or something changed.
func (s *session) pictured(p *publication) bool {
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan error, 1)
	go func() { ready <- p.packer.Ready(ctx) }()
	defer cancel()
	select {
	case err := <-ready:
		return err == nil
	case <-s.news:
		cancel()
		return <-ready == nil
	}
}

// lacks tells whether viewers of a stream that has begun get nothing from its encoder.
func (s *session) lacks(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.started.IsZero() && (!s.dropped.IsZero() || s.pub.silentFor(now) >= deadPublisher)
}

// settle decides what the end of a publication means to its session: the end, or that it waits.
func (m *Manager) settle(s *session, p *publication) {
	<-p.watched
	why, now := p.stream.Err(), m.d.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.reason != nil, s.pub != p:
	case m.d.Reconnect > 0 && lost(why) && !s.started.IsZero():
		if s.dropped.IsZero() {
			s.dropped = now
		}
	default:
		s.end(why)
	}
}
