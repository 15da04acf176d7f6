package channel

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	// A second encoder with the same key is refused only while the first delivers.
	deadPublisher = 3 * time.Second
	// A stream that was cut off may come back without its viewers seeing an end.
	comeback = 30 * time.Second
	// An idle channel's playlists are kept this long; numbers never go back even after that.
	forget = time.Minute
)

// Bus wakes readers of the outbox, and carries what nodes tell each other. bus.Bus is one.
type Bus interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, fn func(bus.Message)) (*bus.Sub, error)
}

// Deps is what a Manager is made of. All but Viewers, Sealer, Registerer, Now and Log must be set, and
// Sealer must be set with Viewers.
type Deps struct {
	Directory  Directory
	Viewers    Viewers // nil: there are no playback keys and no restriction policies
	Sealer     Sealer  // of the playback sessions of private channels
	DB         *store.DB
	Bus        Bus
	Minter     arn.Minter
	Node       string // owns the sessions that Recover closes
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time

	// EnforceSecureIngest refuses unencrypted publishers unless their channel allows them; otherwise
	// everybody may come in clear.
	EnforceSecureIngest bool

	// MaxStreams and MaxViewers limit how many encoders may broadcast and how many viewers may watch at a
	// time on this node; zero is no limit. Who comes after that is refused, and the account is told.
	MaxStreams, MaxViewers int

	// LimitIngest cuts streams whose picture, bitrate or length is more than their channel's type takes at AWS.
	LimitIngest bool
}

// Manager owns all live channels of a node. It is a media.Gate.
type Manager struct {
	d       Deps
	metrics *metrics
	packing *hls.Metrics
	stop    context.CancelFunc
	done    sync.WaitGroup // sessions, admissions and the housekeeper
	closed  chan struct{}  // closed by Close

	mu            sync.Mutex
	channels      map[string]*channel // by id
	discontinuity uint64              // where the next channel's playlists begin to count
	reserved      uint64              // no playlist of this run counts above it without writing that down
	closing       bool

	streams  atomic.Int64 // sessions on all channels
	breaches breaches
	watching atomic.Int64 // viewers of all channels

	keys     fresh[[]*ecdsa.PublicKey]
	policies policies
	revoked  revocations
	hearing  *bus.Sub // of revocations; under mu
	reading  reading
}

// NewManager makes a manager and starts its housekeeping. Close ends it.
func NewManager(d Deps) *Manager {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{d: d, metrics: newMetrics(d.Registerer), packing: hls.NewMetrics(d.Registerer), stop: stop, closed: make(chan struct{}), channels: map[string]*channel{}}
	m.done.Go(func() { m.housekeep(ctx) })
	m.done.Go(func() { m.keepReading(ctx) })
	return m
}

// Admit starts a session for the channel that the publisher's key belongs to. The key must exist
// (NotFound), the transport must be allowed (Denied), and nobody else may deliver frames for that
// channel (Conflict): a publisher that has not delivered for three seconds is taken over from.
func (m *Manager) Admit(ctx context.Context, p media.Publisher) (*media.Stream, error) {
	for {
		spec, err := m.d.Directory.ByStreamKey(ctx, p.Key)
		if err != nil {
			return nil, err
		}
		if m.d.EnforceSecureIngest && !p.Encrypted && !spec.InsecureIngest {
			return nil, fault.AccessDenied("this channel takes only encrypted streams: use rtmps, or allow insecureIngest")
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

// claim begins a session on a channel, or gives the one that has to end first.
func (m *Manager) claim(ctx context.Context, c *channel, spec Spec, p media.Publisher) (stream *media.Stream, old *session, err error) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return nil, gone, nil
	}
	if old := c.session; old != nil {
		c.mu.Unlock()
		if old.stream.Err() == nil && old.silentFor(m.d.Now()) < deadPublisher {
			return nil, nil, fault.InConflict("this stream key is live already")
		}
		old.stream.Stop(errTakenOver)
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
		m.leave(c, s, false)
		if err != nil {
			return nil, nil, err
		}
		return nil, s, nil
	}
	if spec.MultitrackOnly {
		return nil, nil, m.misconfigured(ctx, c, s, "MultitrackInputRequired", "this channel takes multitrack input only")
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

var errTakenOver = fault.InConflict("another encoder took this stream over")

func (m *Manager) begin(ctx context.Context, c *channel, s *session) (*media.Stream, error) {
	if err := m.create(ctx, s); err != nil {
		// The store may have taken it all the same, and only its answer was lost: then it must end.
		unwritten := ourFailure("the stream could not be written down", err)
		s.stream.Stop(unwritten)
		m.done.Go(func() {
			m.persist(m.d.Log, "end", func(ctx context.Context) error { return m.finish(ctx, s, m.d.Now(), failureIn(unwritten)) })
			m.leave(c, s, true)
		})
		return nil, fmt.Errorf("begin stream session: %w", err)
	}
	// Readers join before the publisher may write: the first frame is a key frame, and the next may be
	// many seconds away.
	packer, watcher := s.stream.NewReader(media.ReaderOptions{}), s.stream.NewReader(media.ReaderOptions{})
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing { // Close has stopped what it saw; this one it did not see
		s.stream.Stop(errDraining)
	}
	m.done.Go(func() { m.run(c, s, packer, watcher) })
	return s.stream, nil
}

var errDraining = fault.Down("the server is shutting down")

// open finds or makes the running object of a channel. The caller ends what it does with it by
// done.Done: Close waits for it.
func (m *Manager) open(id string) (*channel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing {
		return nil, errDraining
	}
	c := m.channels[id]
	if c == nil {
		c = &channel{id: id, viewers: newAudience(&m.watching, m.d.MaxViewers), idle: m.d.Now()}
		c.pack = hls.New(hls.Options{
			Now: m.d.Now, Log: m.d.Log.With("channel", id), Metrics: m.packing, Discontinuity: m.discontinuity,
		})
		m.channels[id] = c
	}
	m.done.Add(1)
	return c, nil
}

func (m *Manager) find(id string) *channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.channels[id]
}

// Live tells of a broadcasting channel; NotLive if it is not.
func (m *Manager) Live(_ context.Context, channelARN string) (Live, error) {
	if c := m.find(arn.ID(channelARN)); c != nil {
		if s := c.live(); s != nil {
			if l, ok := s.status(m.d.Now()); ok && l.ARN == channelARN {
				return l, nil
			}
		}
	}
	return Live{}, offline(channelARN)
}

// LiveAll lists the broadcasting channels, newest first.
func (m *Manager) LiveAll(context.Context) []Live {
	m.mu.Lock()
	all := make([]*channel, 0, len(m.channels))
	for _, c := range m.channels {
		all = append(all, c)
	}
	m.mu.Unlock()
	var out []Live
	for _, c := range all {
		if s := c.live(); s != nil {
			if l, ok := s.status(m.d.Now()); ok {
				out = append(out, l)
			}
		}
	}
	slices.SortFunc(out, func(a, b Live) int {
		if n := b.Started.Compare(a.Started); n != 0 {
			return n
		}
		return strings.Compare(a.ARN, b.ARN)
	})
	return out
}

// Busy says whether anybody publishes to the channel, a first frame or not.
func (m *Manager) Busy(channelARN string) bool {
	c := m.find(arn.ID(channelARN))
	return c != nil && c.live() != nil
}

// Stop cuts the encoder of a broadcasting channel and waits until the session has ended; NotLive if
// there is none. The encoder may come back: its key stays good.
func (m *Manager) Stop(ctx context.Context, channelARN string) error {
	c := m.find(arn.ID(channelARN))
	if c == nil || c.live() == nil {
		return offline(channelARN)
	}
	s := c.live()
	if s == nil {
		return nil
	}
	s.stream.Stop(fault.InConflict("the stream was stopped by the channel's owner"))
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		return fault.Down("the stream is still ending").Because(ctx.Err())
	}
}

// Close refuses new publishers, ends the running sessions with their events, and waits for them until
// ctx ends.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	if !m.closing {
		m.closing = true
		close(m.closed)
	}
	all := make([]*channel, 0, len(m.channels))
	for _, c := range m.channels {
		all = append(all, c)
	}
	m.mu.Unlock()
	for _, c := range all {
		if s := c.live(); s != nil {
			s.stream.Stop(errDraining)
		}
	}
	m.stop()
	m.mu.Lock()
	if m.hearing != nil {
		m.hearing.Close()
	}
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() { m.done.Wait(); close(ended) }()
	defer func() { // whoever still waits for a part is answered
		for _, c := range all {
			c.pack.Close()
		}
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sessions still ending: %w", ctx.Err())
	}
}

func (m *Manager) wake() {
	if err := m.d.Bus.Publish("wake.events", nil); err != nil {
		m.d.Log.Warn("could not wake event readers; they will look by themselves", "err", err)
	}
}
