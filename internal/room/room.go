// Package room owns chat rooms as running objects: the WebSocket door, who is in a room on this node,
// what they may say and how fast, and that all of them hear everything once and in one order.
//
// The wire is Amazon IVS Chat's Messaging API. A message gets its place in the room's one order and goes, encoded
// once, to each member. Where this node is alone, that is all. In a cluster one node owns the room and numbers what is
// said: it publishes on the bus, subject "room.<id>", and every node that has members hears it there, the owner
// included. What the order promises and how it outlives its owners is told at the type order.
//
// A room keeps its last frames in memory, for who asks for them. Nothing is stored. The package knows no API shape and
// reads rooms only through its Directory. Neither what people say nor their tokens reach the log.
//
// A peer that does not keep up is dropped, so that it slows nobody and takes no more than its bytes of
// memory. Drops come without a close frame, because Amazon's SDK reconnects after those and stays away
// after any close frame.
//
// Lock order: Manager.mu; room.mu, shard.mu; conn.mu; keeper.mu. None is held while another goroutine is waited for.
package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/cluster"
	"github.com/streamcat/streamcat/internal/store"
)

// Spec is what the live side needs to know of a room resource.
type Spec struct {
	ARN       string
	ID        string // last part of the ARN
	Name      string // may be empty
	MaxRate   int    // messages per second, all members together: 1 to 100; 0: 10
	MaxLength int    // of a message, in code points: 1 to 500; 0: 500

	// Logging has the ARNs of the room's logging configurations, at most three; none: nothing is recorded.
	Logging []string

	// ReviewHandler is the ARN of who reviews messages before they are said; "": nobody does.
	ReviewHandler string
	// DenyUnreviewed has messages refused whose review failed; otherwise they are said as they came.
	DenyUnreviewed bool
}

func (s Spec) withDefaults() Spec {
	if s.MaxRate < 1 {
		s.MaxRate = 10
	}
	if s.MaxLength < 1 {
		s.MaxLength = 500
	}
	return s
}

// Directory finds rooms. Room gives a NotFound fault for what does not exist.
type Directory interface {
	Room(ctx context.Context, arn string) (Spec, error)
}

const (
	defaultPatience      = 8 * time.Second
	defaultHeartbeat     = 30 * time.Second
	defaultMaxFrame      = 16 << 10 // room for 500 characters that JSON escapes at twelve bytes each, and attributes
	defaultMaxAttributes = 4 << 10
	keptForNodes         = 200 // frames that each room of a cluster keeps at least, for nodes that missed one
)

// Deps is what a Manager needs. Directory, DB, Bus and Passes must be given.
type Deps struct {
	Directory  Directory
	DB         *store.DB // remembers which tokens were used
	Bus        *bus.Bus
	Passes     *auth.ChatPasses
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: metrics are not exported
	Now        func() time.Time      // nil: time.Now
	Node       string                // name of this node; "": a random one
	Cluster    *cluster.Node         // nil: this node is alone
	Recorder   Recorder              // nil: nothing is recorded
	Reviewer   Reviewer              // nil: all reviews fail

	// ClientAddr tells where a request comes from, behind proxies that may be believed; nil: its peer. Review
	// handlers are told.
	ClientAddr func(*http.Request) netip.AddrPort

	// LimitsOff lifts the rates, of connections and of rooms; lengths and sizes stay.
	LimitsOff bool
	// Patience is for how long what is said waits for somebody who brings it into the room's order. Then it is
	// refused. 0: 8 seconds; a new owner is found within about five.
	Patience time.Duration
	// Heartbeat is after how long without a sign of life a peer is asked for one. After twice that it
	// counts as gone. 0: 30 seconds.
	Heartbeat time.Duration
	// MaxFrame is the longest request in bytes; longer ones are refused. 0: 16 KiB.
	MaxFrame int
	// History is how many frames a room keeps for those who come later, up to 128 KiB of them. 0: none.
	History int
	// MaxAttributes limits the attributes of a message: bytes of names and values. 0: 4 KiB.
	MaxAttributes int
}

// Manager is the door to all rooms of this node. It is safe for concurrent use.
type Manager struct {
	directory     Directory
	db            *store.DB
	bus           *bus.Bus
	passes        *auth.ChatPasses
	log           *slog.Logger
	metrics       *metrics
	now           func() time.Time
	node          string
	cluster       *cluster.Node
	recorder      Recorder // nil: none
	reviewer      Reviewer
	clientAddr    func(*http.Request) netip.AddrPort
	limitsOff     bool
	patience      time.Duration
	heartbeat     time.Duration
	maxFrame      int
	maxAttributes int
	history       int // frames that clients may ask for
	kept          int // frames that rooms keep
	serials       atomic.Uint64

	rulesSub *bus.Sub

	began time.Time       // to count uptime from
	life  context.Context // of the manager; ended by end
	end   context.CancelFunc
	work  sync.WaitGroup // every goroutine that the manager, its rooms and its connections run

	gate  sync.Mutex
	ended bool // nothing is started any more

	mu       sync.Mutex
	rooms    map[string]*room // by id; those with users
	draining bool
}

// NewManager makes a manager; Shutdown ends it.
func NewManager(d Deps) (*Manager, error) {
	if d.Directory == nil || d.DB == nil || d.Bus == nil || d.Passes == nil {
		return nil, errors.New("room: directory, database, bus and passes are needed")
	}
	m := &Manager{
		directory: d.Directory, db: d.DB, bus: d.Bus, passes: d.Passes, log: d.Log, now: d.Now, node: d.Node, cluster: d.Cluster, recorder: d.Recorder,
		limitsOff: d.LimitsOff, patience: d.Patience, heartbeat: d.Heartbeat, maxFrame: d.MaxFrame, maxAttributes: d.MaxAttributes, history: d.History, kept: d.History,
		metrics: newMetrics(d.Registerer), began: time.Now(), rooms: map[string]*room{},
	}
	if m.reviewer = d.Reviewer; m.reviewer == nil {
		m.reviewer = noReviewer{}
	}
	if m.clientAddr = d.ClientAddr; m.clientAddr == nil {
		m.clientAddr = peerAddr
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.patience == 0 {
		m.patience = defaultPatience
	}
	if m.node == "" {
		m.node = arn.NewID(12)
	}
	if m.heartbeat == 0 {
		m.heartbeat = defaultHeartbeat
	}
	if m.maxFrame == 0 {
		m.maxFrame = defaultMaxFrame
	}
	if m.maxAttributes == 0 {
		m.maxAttributes = defaultMaxAttributes
	}
	if m.cluster != nil {
		m.kept = max(m.kept, keptForNodes)
	}
	m.life, m.end = context.WithCancel(context.Background())
	var err error
	if m.rulesSub, err = m.bus.Subscribe(rulesSubject, m.hearRules); err != nil {
		return nil, fmt.Errorf("room: hear of changed rules: %w", err)
	}
	m.work.Go(m.sweep)
	if m.cluster != nil {
		m.bus.OnBreak(func() { m.doubt(false) }, func() { m.doubt(true) })
		if err := m.cluster.Serve(service, m.answer); err != nil {
			return nil, errors.Join(err, m.Shutdown(context.Background()))
		}
	}
	return m, nil
}

// Shutdown drops every connection without a close frame, so that clients reconnect to another node, and
// waits until all goroutines have ended or ctx has.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	m.rulesSub.Close()
	if m.cluster != nil {
		m.handDown(ctx)
	}
	m.end()
	m.each(func(c *conn) { c.drop(byShutdown) })

	m.gate.Lock()
	m.ended = true
	m.gate.Unlock()
	done := make(chan struct{})
	go func() {
		m.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("chat rooms still at work: %w", ctx.Err())
	}
}

// enter gives the room a connection is about to join, and counts it in; exit undoes that. It is nil when
// the manager is shutting down.
func (m *Manager) enter(spec Spec) *room {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining {
		return nil
	}
	r := m.rooms[spec.ID]
	if r == nil {
		r = &room{m: m, id: spec.ID, past: ring{most: m.kept}, order: order{turn: make(chan struct{}, 1)}}
		m.rooms[spec.ID] = r
	}
	r.users++
	m.work.Add(1)
	return r
}

func (m *Manager) exit(r *room) {
	defer m.work.Done()
	m.mu.Lock()
	r.users--
	r.idleSince = m.uptime()
	last := r.users == 0 && !r.lingers()
	if last {
		delete(m.rooms, r.id)
	}
	m.mu.Unlock()
	if last {
		r.close()
	}
}

// running gives the rooms that have users now.
func (m *Manager) running() []*room {
	m.mu.Lock()
	defer m.mu.Unlock()
	rooms := make([]*room, 0, len(m.rooms))
	for _, r := range m.rooms {
		if r.users > 0 {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// each calls do for every connection as of now.
func (m *Manager) each(do func(*conn)) {
	for _, r := range m.running() {
		r.each(do)
	}
}

// sweep ends sessions whose time is over, finds dead peers and deleted rooms, until the manager ends.
func (m *Manager) sweep() {
	tick := time.NewTicker(min(time.Second, m.heartbeat/4))
	defer tick.Stop()
	for {
		select {
		case <-m.life.Done():
			return
		case <-tick.C:
		}
		now, uptime := m.now(), m.uptime()
		for _, r := range m.running() {
			r.refresh(now, specStale)
			r.look(now, specStale)
			r.closeIfGone()
			r.expel(now)
			r.each(func(c *conn) { c.tend(now, uptime, m.heartbeat) })
		}
		m.forgetIdle(uptime)
		if m.cluster != nil {
			m.tendOrders(uptime)
		}
	}
}

// uptime is the clock of heartbeats: it cannot be set back.
func (m *Manager) uptime() time.Duration { return time.Since(m.began) }
