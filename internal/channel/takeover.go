package channel

import (
	"context"
	"errors"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// AWS's words for why a takeover failed.
const (
	codeMediaMismatch   = "StreamTakeoverMediaMismatch"
	codeInvalidPriority = "StreamTakeoverInvalidPriority"
	codeLimitBreached   = "StreamTakeoverLimitBreached"
)

const (
	maxTakeovers   = 100              // attempts upon one stream; AWS does not tell its number
	formatPatience = 2 * time.Second  // of media, until all tracks must have come
	rivalPatience  = 20 * time.Second // for the formats and for a key frame
)

var (
	errPriority = fault.InConflict("this stream key is live already, with the same priority or a higher one")
	errAttempts = fault.InConflict("this stream was taken over, or tried to be, %d times, which is the limit", maxTakeovers)
	errMismatch = fault.InConflict("a stream is taken over with the same tracks, codecs, picture size and sound format only")
	errTooLate  = fault.InConflict("the encoder that is to take the stream over sent no key frame in time")
)

// contest admits a publisher that wants to take over from one that delivers. It becomes the one that counts
// at a key frame, if it has the higher priority and sends the same media. The caller holds session.mu.
func (m *Manager) contest(s *session, p media.Publisher, now time.Time) (*media.Stream, error) {
	switch {
	case s.rival != nil:
		return nil, fault.InConflict("this stream key is live already, and is being taken over")
	case s.takeovers >= maxTakeovers:
		m.takeoverFailed(s, codeLimitBreached, now)
		return nil, errAttempts
	}
	s.takeovers++
	if p.Priority <= s.pub.priority {
		m.takeoverFailed(s, codeInvalidPriority, now)
		return nil, errPriority
	}
	rival := newPublication(p, now)
	rival.packer.Close() // nothing of it is wanted before its formats are known
	s.rival = rival
	s.watchers.Go(func() { m.contend(s, rival) })
	return rival.stream, nil
}

// contend sees a rival through to its takeover, or stops it.
func (m *Manager) contend(s *session, p *publication) {
	ctx, cancel := context.WithTimeout(context.Background(), rivalPatience)
	defer cancel()
	tracks, err := s.prove(ctx, p)
	p.watcher.Close()
	if err == nil {
		// Both see the same key frame first, and what came before it is nobody's.
		p.packer, p.watcher = p.stream.NewReader(media.ReaderOptions{}), p.stream.NewReader(media.ReaderOptions{})
		err = p.packer.Ready(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errTooLate
	}
	now := m.d.Now()
	s.mu.Lock()
	s.rival = nil
	switch {
	case s.reason != nil:
		err = s.reason
	case err == nil && s.pub.running() && p.priority <= s.pub.priority: // of an encoder that came meanwhile
		err = errPriority
		m.takeoverFailed(s, codeInvalidPriority, now)
	case err == nil:
		// Known from the first instant on: the next rival is compared to them.
		if err = s.lineUp(p, tracks); err != nil {
			m.takeoverFailed(s, codeMediaMismatch, now)
			break
		}
		p.lastFrame.Store(now.UnixNano())
		m.follow(s, p)
		s.replace(p)
		m.noteTakeover(s, happened("Stream Takeover", stateChange, now))
	case errors.Is(err, errMismatch):
		m.takeoverFailed(s, codeMediaMismatch, now)
	}
	s.mu.Unlock()
	if err != nil {
		p.packer.Close()
		p.watcher.Close()
		p.stream.Stop(err)
	}
}

// prove waits until the formats of a rival are known, and compares them to what the stream has, if anything
// has come of it.
func (s *session) prove(ctx context.Context, p *publication) (lineup, error) {
	var come lineup
	var first time.Duration
	for {
		frames, err := p.watcher.Next(ctx)
		if err != nil {
			return come, err
		}
		if len(come.videos) == 0 {
			first = frames[0].DTS
		}
		for _, f := range frames {
			come.take(f.Track)
		}
		s.mu.Lock()
		held, running := s.pub.lineup, s.pub.running()
		s.mu.Unlock()
		complete := len(come.videos) >= max(len(held.videos), p.stream.Info().Videos) && len(come.audios) >= len(held.audios)
		switch {
		case complete && (held.empty() || come.like(held)):
			return come, nil
		case !complete && frames[len(frames)-1].DTS-first < formatPatience:
		case !running: // its place is free
			return come, nil
		default:
			return come, errMismatch
		}
	}
}

func (l lineup) empty() bool { return len(l.videos)+len(l.audios) == 0 }

// like says whether players would not notice a change from one line-up to the other but by the picture.
func (l lineup) like(o lineup) bool {
	same := func(a, b []*media.Track) bool {
		if len(a) != len(b) {
			return false
		}
		for i, t := range a {
			u := b[i]
			if t.Codec != u.Codec || t.Width != u.Width || t.Height != u.Height || t.SampleRate != u.SampleRate || t.Channels != u.Channels {
				return false
			}
		}
		return true
	}
	return same(l.videos, o.videos) && same(l.audios, o.audios)
}

func (m *Manager) takeoverFailed(s *session, code string, at time.Time) {
	failed := happened("Stream Takeover Failure", stateChange, at)
	failed.Code = code
	m.noteTakeover(s, failed)
}

// noteTakeover writes down and tells what became of a takeover. The caller holds session.mu, and the session
// goes on.
func (m *Manager) noteTakeover(s *session, t tale) {
	s.tasks.Go(func() {
		log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
		log.Info("takeover", "event", t.Name, "code", t.Code)
		m.persist(log, "takeover", func(ctx context.Context) error {
			_, err := m.record(ctx, s, func(*store.StreamSession, *Record) []tale { return []tale{t} })
			return err
		})
		m.wake()
	})
}
