package channel

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/media"
)

// session is one broadcast on a channel, from Admit to the last event. It outlives the single publications
// that bring its media: an encoder that was lost may come back to it.
type session struct {
	id       string // stream id: "st-" and 23 letters or digits
	spec     Spec
	protocol string         // of its first publication
	remote   netip.AddrPort // of its first publication
	created  time.Time
	over     chan struct{} // closed when the session has left the channel
	news     chan struct{} // holds a token when pub or reason has changed

	viewers   atomic.Int64
	lastFrame atomic.Int64 // unix nanoseconds; the time of creation until a frame comes

	saidStarving atomic.Bool // what was last told of the health
	saying       atomic.Bool // somebody is telling it
	numbers      *numbers
	advising     atomic.Bool // somebody writes down what the coach found
	excessive    atomic.Bool // it passes a limit of ingest, and is being cut
	slating      atomic.Bool // viewers see a slate

	watchers sync.WaitGroup // of publications; none is added once reason is set
	tasks    sync.WaitGroup // what watchers have others do

	mu           sync.Mutex
	begun        bool         // its first publisher was admitted: from now on it may have others
	pub          *publication // the newest
	rival        *publication // that wants to take over from pub; nil: none
	takeovers    int          // attempts
	past         int64        // bytes that came in those before it, less those of it from before it was the newest
	dropped      time.Time    // when the line was lost, until a frame comes again; zero otherwise
	reason       error        // why the session ends; nil while it goes on
	adBreak      AdBreak      // the last one; zero if there was none
	breakEnd     time.Time    // when it is over, by our clock
	started      time.Time    // first frame; zero until then
	video, audio *media.Track
	rate         meter        // of video
	prepared     *media.Track // for which a slate was asked for
	measured     measure      // when its bitrate was last looked at
}

func (m *Manager) newSession(spec Spec, p media.Publisher) *session {
	s := &session{
		id: "st-" + arn.NewID(23), spec: spec, protocol: p.Protocol, remote: p.Remote, created: m.d.Now(),
		over: make(chan struct{}), news: make(chan struct{}, 1), numbers: newNumbers(spec.Type),
	}
	s.pub = newPublication(p, s.created)
	s.lastFrame.Store(s.created.UnixNano())
	return s
}

// newest gives the publication whose media counts, and why the session ends if it does.
func (s *session) newest() (p *publication, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pub, s.reason
}

// ending says whether the session goes on no more.
func (s *session) ending() bool {
	_, reason := s.newest()
	return reason != nil
}

// encoder is what the newest publication tells of itself.
func (s *session) encoder() string {
	p, _ := s.newest()
	return p.stream.Info().Encoder
}

// written counts the payload bytes of all publications.
func (s *session) written() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, bytes := s.pub.stream.Written()
	return s.past + bytes
}

// stop ends the session for a reason, which its encoder is told. Only the first reason counts.
func (s *session) stop(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(reason)
	s.pub.stream.Stop(reason)
}

// end notes why the session ends. The caller holds mu.
func (s *session) end(reason error) {
	if s.reason == nil {
		s.reason = reason
	}
	if s.rival != nil {
		s.rival.stream.Stop(reason)
	}
	s.signal()
}

func (s *session) signal() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// replace makes p the publication that counts; the one before is ended. The caller holds mu.
func (s *session) replace(p *publication) {
	old := s.pub
	old.stream.Stop(errTakenOver)
	_, came := old.stream.Written()
	_, idle := p.stream.Written() // while it was a rival
	s.past += came - idle
	s.pub = p
	s.signal()
}

func (s *session) silentFor(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, s.lastFrame.Load()))
}

// status tells of the session; not ok before its first frame.
func (s *session) status(now time.Time) (Live, bool) {
	encoder := s.encoder()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.IsZero() {
		return Live{}, false
	}
	l := Live{
		Spec: s.spec, StreamID: s.id, Started: s.started, Health: Healthy, Viewers: s.viewers.Load(),
		PlaybackPath: PlaybackPath(s.spec.ARN), Video: s.video, Audio: s.audio, Encoder: encoder,
	}
	if s.silentFor(now) > starvesAfter {
		l.Health = Starving
	}
	return l, true
}

// count brings the number of viewers up to date and gives it.
func (s *session) count(a *audience, now time.Time) int64 {
	dry := !s.slating.Load() && s.silentFor(now) >= time.Second && now.Sub(s.created) >= time.Second
	s.viewers.Store(a.sweep(now, dry))
	return s.viewers.Load()
}

// expire ends a session whose encoder was lost and did not come back within the window, and has one whose
// encoder is silent looked at. The caller comes often.
func (s *session) expire(now time.Time, window time.Duration) {
	s.mu.Lock()
	waits := !s.dropped.IsZero()
	due := s.reason == nil && waits && now.Sub(s.dropped) >= window && !s.pub.running()
	silent := s.pub.silentFor(now) >= deadPublisher
	s.mu.Unlock()
	switch {
	case due:
		s.stop(errNotBack)
	case waits || silent:
		s.signal()
	}
}

// waitsUntil is when the session ends unless its encoder is back by then; zero if it waits for none.
func (s *session) waitsUntil(window time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil || s.dropped.IsZero() || s.pub.running() {
		return time.Time{}
	}
	return s.dropped.Add(window)
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
