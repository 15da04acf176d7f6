package channel

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
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
	"github.com/streamcat/streamcat/internal/store"
)

const (
	// A second encoder with the same key is refused only while the first delivers.
	deadPublisher = 3 * time.Second
	// Where sessions do not wait for encoders that were lost, playlists do.
	comeback = 30 * time.Second
	// An idle channel's playlists are kept this long; numbers never go back even after that.
	forget = time.Minute
)

// Bus wakes readers of the outbox, and carries what nodes tell each other. bus.Bus is one.
type Bus interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, fn func(bus.Message)) (*bus.Sub, error)
}

// Deps is what a Manager is made of. All but Viewers, ClientAddr, Country, Sealer, Registerer, Now and Log
// must be set, and Sealer must be set with Viewers.
type Deps struct {
	Directory  Directory
	Viewers    Viewers                            // nil: there are no playback keys and no restriction policies
	ClientAddr func(*http.Request) netip.AddrPort // where a request comes from; nil: its peer
	Country    func(netip.Addr) string            // ISO 3166-1 alpha-2, empty if unknown; nil: policies' countries are not enforced
	Sealer     Sealer                             // of the playback sessions of private channels
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
	// ExceptLoopback lets publishers on this machine come in clear all the same.
	ExceptLoopback bool

	// MaxStreams and MaxViewers limit how many encoders may broadcast and how many viewers may watch at a
	// time on this node; zero is no limit. Who comes after that is refused, and the account is told.
	MaxStreams, MaxViewers int

	// Reconnect is how long a session waits for an encoder that was lost; 0: it ends at once.
	Reconnect time.Duration

	// Slates are shown to viewers meanwhile; nil: playlists pause.
	Slates Slates

	// Pasts is a directory where playlists leave what lets them go on after a crash of the server; empty: they
	// begin anew then.
	Pasts string

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
	glance  time.Duration  // as aGlance says

	mu            sync.Mutex
	channels      map[string]*channel // by id
	discontinuity uint64              // where the next channel's playlists begin to count
	reserved      uint64              // no playlist of this run counts above it without writing that down
	closing       bool

	streams  atomic.Int64 // sessions on all channels
	breaches breaches
	pasts    *pasts
	watching atomic.Int64 // viewers of all channels

	keys     fresh[[]*ecdsa.PublicKey]
	policies policies
	prover   *prover
	revoked  revocations
	hearing  *bus.Sub // of revocations; under mu
	reading  reading

	countriesOff, countryUnknown sync.Once // said in the log
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
	m := &Manager{d: d, metrics: newMetrics(d.Registerer), packing: hls.NewMetrics(d.Registerer), stop: stop, closed: make(chan struct{}), glance: aGlance, channels: map[string]*channel{}, prover: newProver(), pasts: newPasts(d.Pasts, d.Log)}
	if d.Registerer != nil {
		d.Registerer.MustRegister(ivsMetrics{m})
	}
	m.done.Go(func() { m.housekeep(ctx) })
	m.done.Go(func() { m.keepReading(ctx) })
	m.done.Go(func() { m.pasts.run(ctx) })
	return m
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
			Past: m.pasts.of(id), Keep: func(past []byte) { m.pasts.keep(id, past) },
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
	s.stop(fault.InConflict("the stream was stopped by the channel's owner"))
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
			s.stop(errDraining)
		}
	}
	m.stop()
	m.mu.Lock()
	if m.hearing != nil {
		m.hearing.Close()
	}
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() { m.done.Wait(); m.pasts.flush(); close(ended) }()
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
