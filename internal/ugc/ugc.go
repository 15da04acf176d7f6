// Package ugc is the web app without its pages: people, their channels, and what they do with them.
//
// The app is an ordinary customer of IVS. It acts only through the AWS SDK clients it is handed, and
// hears of streams only by the events of Handle; the same code runs on this server's engine and on
// Amazon's. Every resource it makes carries the tags "project" (the app's) and "user" (the owner's id),
// which is how a resource is found again after a crash between making it and writing it down.
//
// What it promises: a person who may sign in has a channel, a room and a stage, all three; a
// registration that fails leaves nothing behind, at once or after Repair; a channel's live flag follows
// the newest stream that events or the service itself tell of, in whatever order they arrive; a channel is
// called live in real time only while its person says so and publishes on their stage.
package ugc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/store"
)

// Deps is what an App is made of.
type Deps struct {
	DB       *store.DB
	Channels Channels // an *ivs.Client
	Rooms    Rooms    // an *ivschat.Client
	Stages   Stages   // an *ivsrealtime.Client
	Engine   Engine   // an *EngineClient; nil where there is no /engine/v1
	Tag      string   // value of the tag "project" on all that the app makes
	Sealer   Sealer   // an *auth.Keyring; without one nobody gets a place on a stage

	ReviewHandler string // ARN that the app's rooms name as their review handler; "": nobody reviews them

	Log        *slog.Logger
	Registerer prometheus.Registerer // may be nil
	Now        func() time.Time      // time.Now when nil
}

// Sealer keeps secrets that are to be given out again. The context says what a value is and whose: sealed
// in one, it opens in no other.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
	// Digest gives a keyed hash of a value for a purpose, in hexadecimal.
	Digest(purpose, value string) string
}

// App is the app's rules over its rows. It is safe for concurrent use.
type App struct {
	Deps
	rows    *store.App
	metrics *metrics
	ready   atomic.Bool

	channels *channelCache
	seating  chan struct{} // full of who has a token made, or waits for who does
	trials   trials

	filters       filterCache
	recent        *recentTexts
	roomsReviewed atomic.Bool

	// telling orders what watchers are told: it is held from reading a channel to the last watcher's
	// return. Lock order: telling before mu.
	telling sync.Mutex
	shown   map[string]Card // live cards as last told, by user id; guarded by telling
	looking chan struct{}   // full of who looks: a crowd waits here, where it can give up, not before telling

	mu            sync.Mutex       // guards what follows; never held while calling out
	pulses        map[string]pulse // of live streams, by id, as last seen
	watchers      map[*watcher]struct{}
	features      []string  // what the service has besides IVS
	askedFeatures time.Time // when it was last asked for what it has

	listed  time.Time // when the running streams were last asked for
	checked int       // where the next look at hosts begins, if there are too many for one
}

// New makes an App. It does nothing by itself until Run.
func New(d Deps) *App {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Sealer == nil {
		d.Sealer = noKeys{}
	}
	return &App{
		Deps:     d,
		rows:     d.DB.App(),
		metrics:  newMetrics(d.Registerer),
		channels: newChannelCache(d.Channels, d.Now),
		pulses:   map[string]pulse{},
		shown:    map[string]Card{},
		looking:  make(chan struct{}, maxLooking),
		seating:  make(chan struct{}, maxSeating),
		recent:   newRecentTexts(),
		watchers: map[*watcher]struct{}{},
	}
}

// repairEvery is how often half-made people are looked for.
const repairEvery = 15 * time.Second

// Prepare makes the app ready: it ensures what all people share and repairs who was left half-made.
// A failure is not final: Run tries again.
func (a *App) Prepare(ctx context.Context) error {
	if err := a.EnsureShared(ctx); err != nil {
		return err
	}
	return errors.Join(a.Repair(ctx), a.poll(ctx), a.checkStages(ctx), a.reviewRooms(ctx))
}

// Ready says whether people can register: the services have answered since the app started.
func (a *App) Ready() bool { return a.ready.Load() }

// Run keeps the app in step with the services until ctx ends: it polls viewer counts, notices streams
// whose events were lost, and repairs who was left half-made.
func (a *App) Run(ctx context.Context) {
	var stages sync.WaitGroup
	stages.Go(func() { a.watchStages(ctx) })
	defer stages.Wait()
	poll, repair := time.NewTicker(pollEvery), time.NewTicker(repairEvery)
	defer poll.Stop()
	defer repair.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			err = a.poll(ctx)
		case <-repair.C:
			if !a.Ready() {
				err = a.Prepare(ctx)
			} else {
				err = errors.Join(a.Repair(ctx), a.reviewRooms(ctx), a.settleChat(ctx))
			}
		}
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "the web app could not catch up with the services; it tries again", "err", err)
		}
	}
}

// metrics counts what operators ask about. All its members work unregistered.
type metrics struct {
	events        *prometheus.CounterVec
	provisionings *prometheus.CounterVec
	live          prometheus.Gauge
	realTime      prometheus.Gauge
	seats         *prometheus.CounterVec
	roomNews      *prometheus.CounterVec
	reviews       *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ugc_events_total", Help: "Events received by the web app, by what became of them.",
		}, []string{"outcome"}),
		provisionings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ugc_provisionings_total", Help: "Attempts to make a person's channel, room and stage, by outcome.",
		}, []string{"outcome"}),
		live: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ugc_live_channels", Help: "Channels the web app holds to be live.",
		}),
		realTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ugc_real_time_channels", Help: "Channels the web app holds to be live in real time.",
		}),
		seats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ugc_stage_tokens_total", Help: "Participant tokens given out, by role and whether they were made or used again.",
		}, []string{"role", "outcome"}),
		roomNews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ugc_room_events_total", Help: "Events the web app sent into chat rooms, by name and outcome.",
		}, []string{"event", "outcome"}),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ugc_reviews_total", Help: "Chat messages that the web app reviewed, by what was found.",
		}, []string{"found"}),
	}
	if r != nil {
		r.MustRegister(m.events, m.provisionings, m.live, m.realTime, m.seats, m.roomNews, m.reviews)
	}
	return m
}
