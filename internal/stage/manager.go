// Package stage owns running stages: who is on them, who publishes and who watches whom, and the doors by
// which participants come: publishing and subscribing by WebRTC (as package rtc's gates), publishing by RTMP
// (as package ingest's gate), and the events socket. Media goes through package sfu, one Up per track and one Down per subscriber's track; this package
// only joins them.
//
// A participant is a token, or a stream key of an ingest configuration. It may have one publishing session, one events socket, one subscribing
// session per remote participant, and one gallery of many at a time: a newer one of the same door displaces the older. It is
// connected while any of its doors is open. A stage's session begins with the first participant and ends a
// grace after the last one left.
//
// All that happens is written down in the order in which it happened, by a journal that nobody waits for: a
// slow or absent database holds up neither media nor doors that are open. What a dead process left open is
// closed by Recover, with the events owed. Admission does ask the database, each time, and fails with it.
//
// A stage runs on one node at a time as far as media goes; that a participant was disconnected, or a stage
// deleted, is heard on all nodes, over the bus.
//
// Lock order: Manager.mu; replica.mu; stage.mu, of one stage at a time; feed.mu, that of a replica's after its
// source's; outlet.mu; ledger.mu; journal.mu; socket.mu. Peers are closed, and Downs attached, with none of stage.mu and
// above held, but those of replicas with replica.mu.
package stage

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory knows which stages exist, and who comes to them with what.
type Directory interface {
	// Stage is a NotFound fault if there is no such stage.
	Stage(ctx context.Context, stageARN string) error
	// PublicKey gives the key of this name with which a customer signs participant tokens.
	PublicKey(ctx context.Context, name string) (*ecdsa.PublicKey, error)
	// RecordingBucket names the bucket to which those who publish on a stage are to be recorded, or replicas of those
	// who publish elsewhere; or nothing.
	RecordingBucket(ctx context.Context, stageARN string, replicas bool) (string, error)
	// ByIngestKey is a NotFound fault for a stream key that is no ingest configuration's.
	ByIngestKey(ctx context.Context, key string) (Ingest, error)
	// AttachedTo names the stage of an ingest configuration, or nothing if it has none or does not exist.
	AttachedTo(ctx context.Context, ingestARN string) (string, error)
}

const (
	defaultMaxPublishers   = 12
	defaultMaxParticipants = 10_000
	defaultGrace           = 3 * time.Minute
	defaultAway            = 10 * time.Second

	lookupFor  = 3 * time.Second  // for the database to answer a door
	reviewEach = 30 * time.Second // how often it is looked up what the bus may have failed to tell

	// longestSeat is for how long a token made now may be good: 14 days, and a day for clocks.
	longestSeat = 15 * 24 * time.Hour
)

// Deps is what a Manager needs. Directory, DB, Bus, Minter and Seats must be given.
type Deps struct {
	Directory  Directory
	DB         *store.DB
	Bus        *bus.Bus
	Minter     arn.Minter
	Seats      *auth.Seats
	Node       string // owns the sessions that Recover closes
	EventsURL  string // what tokens that customers sign must say; empty: anything
	WhipURL    string
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // nil: time.Now

	// After calls once the time has passed that a session may last, unless it is stopped before. nil: time.AfterFunc.
	After func(time.Duration, func()) (stop func())

	MaxPublishers   int           // per stage; 0: 12
	MaxParticipants int           // per stage; 0: 10,000
	Grace           time.Duration // a session ends this long after the last participant left; 0: 3 minutes
	Away            time.Duration // a publisher may be away this long before those who watch it are sent away; 0: 10 seconds

	Encoders EncoderRules
}

// Manager is the door to all stages of this node. It is safe for concurrent use.
type Manager struct {
	d        Deps
	log      *slog.Logger
	now      func() time.Time
	instance string // tells own words on the bus from others'
	metrics  *metrics
	journal  *journal
	listed   int // maxListed, but for tests
	subs     []*bus.Sub

	// cuts counts what may have made a token worthless: who was let in by an older count is judged anew.
	cuts    atomic.Uint64
	numbers atomic.Uint64 // of decisions which publication is the one; see feed

	life context.Context // ended by end, in Shutdown
	end  context.CancelFunc
	work sync.WaitGroup // sockets and the reviewer

	mu       sync.Mutex
	stages   map[string]*stage // by ARN
	draining bool
}

var (
	_ rtc.Publishers  = (*Manager)(nil)
	_ rtc.Subscribers = (*Manager)(nil)
)

// NewManager makes a manager; Shutdown ends it. Recover comes before anything is admitted.
func NewManager(d Deps) (*Manager, error) {
	if d.Directory == nil || d.DB == nil || d.Bus == nil || d.Seats == nil {
		return nil, errors.New("stage: directory, database, bus and seats are needed")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.After == nil {
		d.After = func(wait time.Duration, call func()) func() {
			t := time.AfterFunc(wait, call)
			return func() { t.Stop() }
		}
	}
	if d.MaxPublishers <= 0 {
		d.MaxPublishers = defaultMaxPublishers
	}
	if d.MaxParticipants <= 0 {
		d.MaxParticipants = defaultMaxParticipants
	}
	if d.Grace <= 0 {
		d.Grace = defaultGrace
	}
	if d.Away <= 0 {
		d.Away = defaultAway
	}
	d.Encoders.defaults()
	m := &Manager{d: d, log: d.Log, now: d.Now, instance: arn.NewID(12), listed: maxListed, stages: map[string]*stage{}}
	m.metrics = newMetrics(m, d.Registerer)
	m.journal = newJournal(d.DB, d.Log, m.metrics, m.wake)
	m.life, m.end = context.WithCancel(context.Background())
	if err := m.listen(); err != nil {
		m.end()
		m.journal.abandon()
		return nil, fmt.Errorf("stage: listen on the bus: %w", err)
	}
	m.work.Go(m.review)
	return m, nil
}

// ActiveSession gives the id of a stage's running session on this node; "" if there is none.
func (m *Manager) ActiveSession(stageARN string) string {
	st := m.find(stageARN)
	if st == nil {
		return ""
	}
	st.lock()
	defer st.unlock()
	if st.session == nil || !st.session.written.Load() {
		return "" // whoever asks next would not find it
	}
	return st.session.id
}

// Disconnect ends all doors of a participant and makes its token worthless; both are so when it returns. It
// is NotFound if the stage does not exist. The participant may be unknown, or not be there now. reason is for
// the log.
func (m *Manager) Disconnect(ctx context.Context, stageARN, participantID, reason string) error {
	if err := m.d.Directory.Stage(ctx, stageARN); err != nil {
		return err
	}
	if err := m.d.DB.RevokeSeat(ctx, stageARN, participantID, m.now().Add(longestSeat)); err != nil {
		return fmt.Errorf("revoke participant %s: %w", participantID, err)
	}
	m.log.Info("participant disconnected", "stage", arn.ID(stageARN), "participant", participantID, "reason", reason)
	m.expel(stageARN, participantID)
	m.tell(disconnectSubject(stageARN), note{Node: m.instance, Stage: stageARN, Participant: participantID})
	return nil
}

// CloseStage tells everybody on a stage that it was deleted, and ends their doors, its session and its
// compositions. The stage must be gone from the Directory already.
func (m *Manager) CloseStage(ctx context.Context, stageARN string) {
	m.closeStage(stageARN)
	m.tell(closeSubject(stageARN), note{Node: m.instance, Stage: stageARN})
	m.endCompositionsOf(ctx, stageARN)
}

// expel ends one participant's doors on this node.
func (m *Manager) expel(stageARN, participantID string) {
	m.cuts.Add(1) // before looking: who comes in later sees it
	if st := m.find(stageARN); st != nil {
		st.lock()
		defer st.unlock()
		st.expel(participantID)
	}
}

func (m *Manager) closeStage(stageARN string) {
	m.cuts.Add(1)
	m.mu.Lock()
	st := m.stages[stageARN]
	if st == nil {
		m.mu.Unlock()
		return
	}
	st.lock()
	delete(m.stages, stageARN)
	m.mu.Unlock() // before all that the end of a full stage is
	st.finish(goneDeleted)
	st.unlock()
}

// Shutdown tells everybody that the server goes away, ends all doors and sessions, and waits until that is
// written down and all goroutines have ended, or ctx has.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	for name, st := range m.stages {
		st.lock()
		st.finish(goneDraining)
		st.unlock()
		delete(m.stages, name)
	}
	m.mu.Unlock()
	for _, s := range m.subs {
		s.Close()
	}
	m.end()
	err := m.journal.close(ctx)
	done := make(chan struct{})
	go func() { m.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("stage sockets still open: %w", ctx.Err()))
	}
	return err
}

func (m *Manager) isDraining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.draining
}

func (m *Manager) find(stageARN string) *stage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stages[stageARN]
}

// running gives the stages that run now.
func (m *Manager) running() []*stage {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*stage, 0, len(m.stages))
	for _, st := range m.stages {
		all = append(all, st)
	}
	return all
}

// with calls do on a stage, locked, running or made for it, and forgets one that do leaves unused.
func (m *Manager) with(stageARN string, do func(*stage) error) error {
	m.mu.Lock()
	if m.draining {
		m.mu.Unlock()
		return errNotNow
	}
	st := m.stages[stageARN]
	if st == nil {
		st = newStage(m, stageARN)
		m.stages[stageARN] = st
	}
	st.lock()
	m.mu.Unlock()
	err := do(st)
	unused := st.session == nil
	st.unlock()
	if unused {
		m.retire(st, func() bool { return st.session == nil })
	}
	return err
}

// retire ends a stage that has nobody on it, if that is still wanted.
func (m *Manager) retire(st *stage, wanted func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	st.lock()
	defer st.unlock()
	if len(st.members) == 0 && !st.over && wanted() {
		st.finish(goneEmpty)
		delete(m.stages, st.arn)
	}
}

// spawn runs a goroutine that Shutdown waits for; false if it is too late for that.
func (m *Manager) spawn(run func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining {
		return false
	}
	m.work.Go(run)
	return true
}

func (m *Manager) wake() {
	if err := m.d.Bus.Publish("wake.events", nil); err != nil {
		m.log.Warn("could not wake event readers; they will look by themselves", "err", err)
	}
}
