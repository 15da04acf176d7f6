// Package hook tells the outside of what has happened: it reads the outbox of the store and hands each
// event, in EventBridge's envelope, to whoever listens. A Deliverer has one target in this process, the
// web app's /hooks/events; Webhooks have receivers anywhere, each with its own place in the outbox.
//
// What is promised: every event that was committed reaches the target, in the order of the commits, at
// least once, also across crashes of this process and of the target. An event comes again if the
// process ended between the target's answer and the note that it was given; its id is the same then,
// and receivers that must not act twice go by that. What is not: two deliverers with one consumer's
// name, in two processes on one database, do not know of each other.
//
// All delivery is done by lanes: one event at a time, offered again with growing pauses until it is taken.
// A Deliverer has one lane without end. A webhook has three, on one goroutine: what happens now, what is
// told again because somebody asked for a replay, and dead letters. They share the receiver and do not wait
// for each other's pauses.
//
// Why a webhook is told strictly in order, and not each resource on its own: what fails is nearly always
// the receiver and hardly ever one event, so other resources would only fail beside it, and what is kept in
// mind for each of them would grow without bound. An event that really is never taken goes to the dead
// letters after about a day; the numbers of its resource then show the gap.
package hook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Wake is the subject on which whoever has committed an event says so. Without a word on it events are
// found all the same, only later.
const Wake = "wake.events"

// Deps are what a Deliverer needs. Only the durations, the logger and the registerer may be zero.
type Deps struct {
	DB       *store.DB
	Bus      *bus.Bus
	Consumer string // the name under which the store keeps how far this deliverer is
	Account  string // 12 digits, for the envelope
	Region   string // for the envelope

	// Target takes one envelope. Nil means that it has it for good. An Invalid fault means that it
	// never will: the event is logged and left out. After any other error it is offered again.
	Target func(ctx context.Context, envelope []byte) error

	Try     time.Duration // how long the target has for one event; 10 s
	MinWait time.Duration // after the first failure, doubled by each that follows; 100 ms
	MaxWait time.Duration // what that doubling comes to; 30 s
	Poll    time.Duration // how often to look without being woken; 5 s

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Deliverer hands events to one target.
type Deliverer struct {
	d    Deps
	wake chan struct{} // holds a token while something may have come
	lane lane

	delivered, failed, refused prometheus.Counter
	age                        prometheus.Gauge
}

// New makes a deliverer. It does nothing until Run.
func New(d Deps) *Deliverer {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	for _, field := range []struct {
		v       *time.Duration
		instead time.Duration
	}{{&d.Try, 10 * time.Second}, {&d.MinWait, 100 * time.Millisecond}, {&d.MaxWait, 30 * time.Second}, {&d.Poll, 5 * time.Second}} {
		if *field.v <= 0 {
			*field.v = field.instead
		}
	}
	label := prometheus.Labels{"consumer": d.Consumer}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "streamcat_hook_" + name, Help: help, ConstLabels: label})
	}
	h := &Deliverer{
		d:         d,
		wake:      make(chan struct{}, 1),
		delivered: counter("delivered_total", "Events that the target has taken."),
		failed:    counter("failed_total", "Tries after which an event must be offered again."),
		refused:   counter("refused_total", "Events left out because the target will never take them."),
		age: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_hook_age_seconds",
			Help: "How long ago the event happened that was offered last.", ConstLabels: label,
		}),
	}
	if d.Registerer != nil {
		d.Registerer.MustRegister(h.delivered, h.failed, h.refused, h.age)
	}
	h.lane = lane{
		source: &follower{db: d.DB, begin: func(ctx context.Context) (int64, error) { return d.DB.EventCursor(ctx, d.Consumer) }},
		offer:  h.offer,
		taken:  h.note,
		dead:   func(ctx context.Context, e store.Event, _ int, _ error) error { return h.note(ctx, e) },
		try:    d.Try, minWait: d.MinWait, maxWait: d.MaxWait,
		delivered: h.delivered, failed: h.failed, refused: h.refused,
		log: d.Log.With("consumer", d.Consumer),
	}
	return h
}

// Run delivers until ctx ends, and returns when nothing is under way any more. An event that is being
// offered then is offered again at the next start. It fails only where it cannot begin.
func (h *Deliverer) Run(ctx context.Context) error {
	sub, err := h.d.Bus.Subscribe(Wake, func(bus.Message) { poke(h.wake) })
	if err != nil {
		return fmt.Errorf("deliver events: %w", err)
	}
	defer sub.Close()
	poll := time.NewTicker(h.d.Poll)
	defer poll.Stop()
	for {
		due := drive(ctx, &h.lane)
		select {
		case <-ctx.Done():
			return nil
		case <-due:
		case <-h.wake:
		case <-poll.C:
		}
	}
}

func (h *Deliverer) offer(ctx context.Context, e store.Event) error {
	envelope, err := Envelope(e, h.d.Account, h.d.Region)
	if err != nil {
		return fault.InvalidInput("it has no envelope").Because(err)
	}
	h.age.Set(time.Since(e.Time).Seconds())
	return h.d.Target(ctx, envelope)
}

func (h *Deliverer) note(ctx context.Context, e store.Event) error {
	return h.d.DB.SetEventCursor(ctx, h.d.Consumer, e.Global)
}
