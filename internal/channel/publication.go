package channel

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// publication is one encoder's connection within a session. A session that lasts over a lost line has
// several, one after the other; the newest alone is packaged.
type publication struct {
	stream   *media.Stream
	protocol string
	remote   netip.AddrPort
	priority int // of a takeover; 0 where none is claimed
	created  time.Time

	packer, watcher *media.Reader
	watched         chan struct{} // closed when the watcher has read everything
	lastFrame       atomic.Int64  // unix nanoseconds; the time of creation until a frame comes
	lineup          lineup        // guarded by session.mu
}

// newPublication makes a stream whose readers have joined before the publisher may write: the first frame
// is a key frame, and the next may be many seconds away.
func newPublication(p media.Publisher, now time.Time) *publication {
	pub := &publication{
		stream: media.NewStream(), protocol: p.Protocol, remote: p.Remote, priority: p.Priority, created: now,
		watched: make(chan struct{}),
	}
	pub.packer, pub.watcher = pub.stream.NewReader(media.ReaderOptions{}), pub.stream.NewReader(media.ReaderOptions{})
	pub.lastFrame.Store(now.UnixNano())
	return pub
}

// running tells whether its stream has not ended.
func (p *publication) running() bool { return p.stream.Err() == nil }

// silentFor is how long no frame has come, or since when it is there without one.
func (p *publication) silentFor(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, p.lastFrame.Load()))
}

// lost tells whether a publication ended in a way that its encoder may not have wanted: without a goodbye,
// and not by what it sent or by this server's fault.
func lost(reason error) bool {
	return reason != nil && !errors.Is(reason, io.EOF) && failureIn(reason) == ""
}

var (
	errTakenOver = fault.InConflict("another encoder took this stream over")
	errNotBack   = fault.Down("the encoder was lost and did not come back")
	errCrashed   = fault.Down("the server was interrupted")
)

// aGlance is how much media may come between two looks at a stream whose tracks are known.
const aGlance = 250 * time.Millisecond

// watch notes what arrives of a publication, calls live once when the session's first frame has, and more
// when another track's has later.
func (s *session) watch(p *publication, glance time.Duration, now func() time.Time, live, more func()) {
	defer close(p.watched)
	defer p.watcher.Close()
	p.watcher.Want(media.Never)
	judged := false
	for {
		frames, err := p.watcher.Next(context.Background())
		if err != nil {
			return // the stream's own reason
		}
		s.mu.Lock()
		if s.pub != p { // another has taken over: what is left of this one is nobody's
			s.mu.Unlock()
			continue
		}
		joined, err := s.notice(p, frames)
		if err != nil {
			s.mu.Unlock()
			s.stop(err)
			return
		}
		first := s.started.IsZero()
		if first {
			s.started = now()
		}
		s.dropped = time.Time{}
		for _, f := range frames {
			if f.Track == s.video {
				s.rate.frame(f)
			}
		}
		complete := len(p.lineup.videos) > 0 && len(p.lineup.audios) > 0
		s.mu.Unlock()
		if !judged {
			judged = true
			s.numbers.coach.begin()
		}
		s.numbers.note(frames)
		newest := frames[len(frames)-1]
		if complete {
			p.watcher.Until(newest.DTS+glance, newest.DTS+glance)
		}
		at := newest.Arrived.UnixNano()
		s.lastFrame.Store(at)
		p.lastFrame.Store(at)
		switch {
		case first:
			live()
		case joined:
			more()
		}
	}
}
