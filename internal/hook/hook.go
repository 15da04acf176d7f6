// Package hook tells the outside of what has happened: it reads the outbox of the store and hands each
// event, in EventBridge's envelope, to a target such as the web app's /hooks/events.
//
// What is promised: every event that was committed reaches the target, in the order of the commits, at
// least once, also across crashes of this process and of the target. An event comes again if the
// process ended between the target's answer and the note that it was given; its id is the same then,
// and receivers that must not act twice go by that. What is not: two deliverers with one consumer's
// name do not know of each other.
package hook

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
	return h
}

// Run delivers until ctx ends, and returns when nothing is under way any more. An event that is being
// offered then is offered again at the next start. It fails only where it cannot begin.
func (h *Deliverer) Run(ctx context.Context) error {
	sub, err := h.d.Bus.Subscribe(Wake, func(bus.Message) {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("deliver events: %w", err)
	}
	defer sub.Close()
	poll := time.NewTicker(h.d.Poll)
	defer poll.Stop()
	for {
		h.deliverAll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-h.wake:
		case <-poll.C:
		}
	}
}

// deliverAll offers what the outbox holds until there is no more, or ctx ends, or the store fails: the
// next turn goes on from where the cursor is.
func (h *Deliverer) deliverAll(ctx context.Context) {
	at, err := h.d.DB.EventCursor(ctx, h.d.Consumer)
	for err == nil {
		var events []store.Event
		if events, err = h.d.DB.Events(ctx, at, 100); err != nil || len(events) == 0 {
			break
		}
		for _, e := range events {
			if !h.deliver(ctx, e) {
				return
			}
			if err = h.d.DB.SetEventCursor(ctx, h.d.Consumer, e.Global); err != nil {
				break
			}
			at = e.Global
		}
	}
	if err != nil && ctx.Err() == nil {
		h.d.Log.Error("events: the store fails", "consumer", h.d.Consumer, "err", err)
	}
}

// deliver offers one event until it is taken or refused. It is false if ctx ended before.
func (h *Deliverer) deliver(ctx context.Context, e store.Event) bool {
	envelope, err := Envelope(e, h.d.Account, h.d.Region)
	if err != nil {
		err = fault.InvalidInput("it has no envelope").Because(err)
	}
	for failures := 0; ; failures++ {
		if err == nil {
			h.age.Set(time.Since(e.Time).Seconds())
			try, cancel := context.WithTimeout(ctx, h.d.Try)
			err = h.d.Target(try, envelope)
			cancel()
		}
		log := h.d.Log.With("consumer", h.d.Consumer, "event", e.ID, "type", e.DetailType, "resources", e.Resources)
		switch {
		case err == nil:
			h.delivered.Inc()
			if failures > 0 {
				log.Info("events: taken at last", "failures", failures)
			}
			return true
		case ctx.Err() != nil:
			return false
		case fault.Of(err) == fault.Invalid:
			h.refused.Inc()
			log.Error("events: refused for good, left out", "err", err)
			return true
		}
		h.failed.Inc()
		wait := h.backOff(failures)
		log.Warn("events: not taken, will be offered again", "failures", failures+1, "wait", wait, "err", err)
		if !sleep(ctx, wait) {
			return false
		}
		err = nil
	}
}

// backOff gives the wait after so many earlier failures, with a fifth of chance in it.
func (h *Deliverer) backOff(failures int) time.Duration {
	wait := h.d.MaxWait
	if failures < 30 {
		wait = min(wait, h.d.MinWait<<failures)
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/5+1))
}

// sleep waits, and says whether it could to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
