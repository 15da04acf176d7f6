package channel

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/media"
)

// session is one publisher's stay on a channel, from Admit to the last event.
type session struct {
	id       string // stream id: "st-" and 23 letters or digits
	spec     Spec
	protocol string
	remote   netip.AddrPort
	created  time.Time
	stream   *media.Stream
	over     chan struct{} // closed when the session has left the channel

	viewers   atomic.Int64
	lastFrame atomic.Int64 // unix nanoseconds; the time of creation until a frame comes

	saidStarving atomic.Bool // what was last told of the health
	saying       atomic.Bool // somebody is telling it
	excessive    atomic.Bool // it passes a limit of ingest, and is being cut

	mu           sync.Mutex
	adBreak      AdBreak   // the last one; zero if there was none
	breakEnd     time.Time // when it is over, by our clock
	started      time.Time // first frame; zero until then
	video, audio *media.Track
	measured     measure // when its bitrate was last looked at
}

func (m *Manager) newSession(spec Spec, p media.Publisher) *session {
	s := &session{
		id: "st-" + arn.NewID(23), spec: spec, protocol: p.Protocol, remote: p.Remote, created: m.d.Now(),
		stream: media.NewStream(), over: make(chan struct{}),
	}
	s.lastFrame.Store(s.created.UnixNano())
	return s
}

func (s *session) silentFor(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, s.lastFrame.Load()))
}

// status tells of the session; not ok before its first frame.
func (s *session) status(now time.Time) (Live, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.IsZero() {
		return Live{}, false
	}
	l := Live{
		Spec: s.spec, StreamID: s.id, Started: s.started, Health: Healthy, Viewers: s.viewers.Load(),
		PlaybackPath: PlaybackPath(s.spec.ARN), Video: s.video, Audio: s.audio, Encoder: s.stream.Info().Encoder,
	}
	if s.silentFor(now) > starvesAfter {
		l.Health = Starving
	}
	return l, true
}

// run packs and watches the stream until it ends, then writes the end down.
func (m *Manager) run(c *channel, s *session, packer, watcher *media.Reader) {
	m.metrics.sessions.Inc()
	log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
	log.Info("stream session created", "protocol", s.protocol, "remote", s.remote)

	c.mu.Lock()
	c.ended = false
	c.mu.Unlock()

	c.pack.Announce(hls.Broadcast{StreamID: s.id, Plain: s.spec.LatencyMode == "NORMAL"})
	c.pack.Expect() // whoever finds the channel live may put metadata, even before the packager has begun
	var both sync.WaitGroup
	both.Go(func() {
		defer packer.Close()
		if err := c.pack.Run(context.Background(), packer); err != nil && s.stream.Err() == nil {
			log.Error("packaging failed", "err", err)
			s.stream.Stop(ourFailure("the stream could not be packaged", err))
		}
	})
	both.Go(func() {
		defer watcher.Close()
		s.watch(watcher, m.d.Now, func() {
			// Beside the watching: a slow database must not make the publisher look dead.
			both.Go(func() { m.announce(log, s) })
		}, func() {
			both.Go(func() {
				m.persist(log, "tracks", func(ctx context.Context) error { return m.noteTracks(ctx, s) })
			})
		})
	})
	both.Wait()

	reason, at := s.stream.Err(), m.d.Now()
	m.persist(log, "end", func(ctx context.Context) error { return m.finish(ctx, s, at, failureIn(reason)) })
	orderly := errors.Is(reason, io.EOF)
	log.Info("stream session ended", "orderly", orderly, "reason", reason)
	m.leave(c, s, orderly)
	m.wake()
}

// leave gives the channel back.
func (m *Manager) leave(c *channel, s *session, orderly bool) {
	c.mu.Lock()
	c.session, c.idle = nil, m.d.Now()
	if orderly { // the encoder said goodbye: players need not wait for it
		c.ended = true
		c.pack.End()
	}
	c.mu.Unlock()
	m.streams.Add(-1)
	close(s.over)
}

// count brings the number of viewers up to date and gives it.
func (s *session) count(a *audience, now time.Time) int64 {
	dry := s.silentFor(now) >= time.Second && now.Sub(s.created) >= time.Second
	s.viewers.Store(a.sweep(now, dry))
	return s.viewers.Load()
}

// watch notes what arrives, calls live once when the first frame has, and more when another track's has
// later.
func (s *session) watch(r *media.Reader, now func() time.Time, live, more func()) {
	for {
		frames, err := r.Next(context.Background())
		if err != nil {
			return // the stream's own reason
		}
		s.mu.Lock()
		first := s.started.IsZero()
		if first {
			s.started = now()
		}
		video, audio := s.video != nil, s.audio != nil
		for _, f := range frames {
			if f.Track.Kind == media.Video {
				s.video = f.Track
			} else {
				s.audio = f.Track
			}
		}
		joined := video != (s.video != nil) || audio != (s.audio != nil)
		s.mu.Unlock()
		s.lastFrame.Store(frames[len(frames)-1].Arrived.UnixNano())
		switch {
		case first:
			live()
		case joined:
			more()
		}
	}
}

// startedAt is when the first frame came; zero while none has.
func (s *session) startedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

func (s *session) tracks() (video, audio *media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.video, s.audio
}
