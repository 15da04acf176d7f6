package hook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/store"
)

// MaxWebhooks is how many there may be.
const MaxWebhooks = 100

// changed is the subject on which whoever has changed a webhook, or asked for something to be told again,
// says so.
const changed = "wake.webhooks"

// WebhooksDeps are what Webhooks need. Only the numbers, the durations, the logger and the registerer may be
// zero.
type WebhooksDeps struct {
	DB      *store.DB
	Bus     *bus.Bus
	Keyring *auth.Keyring // seals the secrets
	Account string        // 12 digits, for the envelope
	Region  string        // for the envelope

	Try     time.Duration // how long a receiver has for one event; 10 s
	MinWait time.Duration // after the first failure, doubled by each that follows; 100 ms
	MaxWait time.Duration // what that doubling comes to; 5 min
	Tries   int           // after which an event goes to the dead letters; 300, which is about a day
	Poll    time.Duration // how often to look without being woken; 5 s

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Webhooks tell receivers by HTTP, in the format of https://www.standardwebhooks.com. Each enabled webhook
// has a goroutine of its own, so none ever waits for another's receiver, and holds a few events in memory
// however far it is behind.
type Webhooks struct {
	d      WebhooksDeps
	client *http.Client

	news    chan struct{} // holds a token while there may be new events
	changes chan struct{} // and while webhooks may have changed

	workers map[string]*worker // of the goroutine of Run, as is
	told    map[string]bool    // the webhooks of which something is remembered

	mu     sync.Mutex
	recent map[string][]Delivery // oldest first, at most maxRecent each

	delivered, failed, dead *prometheus.CounterVec
	lag                     *prometheus.GaugeVec
}

// NewWebhooks makes the deliverer of all webhooks. They can be managed from now on; nothing is told until
// Run.
func NewWebhooks(d WebhooksDeps) *Webhooks {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	for _, field := range []struct {
		v       *time.Duration
		instead time.Duration
	}{{&d.Try, 10 * time.Second}, {&d.MinWait, 100 * time.Millisecond}, {&d.MaxWait, 5 * time.Minute}, {&d.Poll, 5 * time.Second}} {
		if *field.v <= 0 {
			*field.v = field.instead
		}
	}
	if d.Tries <= 0 {
		d.Tries = 300
	}
	label := []string{"webhook"}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "streamcat_webhook_" + name, Help: help}, label)
	}
	h := &Webhooks{
		d: d, client: newClient(),
		news: make(chan struct{}, 1), changes: make(chan struct{}, 1),
		workers: map[string]*worker{}, told: map[string]bool{}, recent: map[string][]Delivery{},
		delivered: counter("delivered_total", "Events that the receiver has taken."),
		failed:    counter("failed_total", "Tries after which an event must be offered again."),
		dead:      counter("dead_total", "Events that went to the dead letters."),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "streamcat_webhook_lag_seconds",
			Help: "How old the event is that waits to be taken; 0: none does.",
		}, label),
	}
	if d.Registerer != nil {
		d.Registerer.MustRegister(h.delivered, h.failed, h.dead, h.lag)
	}
	return h
}

// Run delivers until ctx ends, and returns when nothing is under way any more. An event that is being
// offered then is offered again at the next start. It fails only where it cannot begin.
func (h *Webhooks) Run(ctx context.Context) error {
	for subject, wake := range map[string]chan struct{}{Wake: h.news, changed: h.changes} {
		sub, err := h.d.Bus.Subscribe(subject, func(bus.Message) { poke(wake) })
		if err != nil {
			return fmt.Errorf("tell webhooks: %w", err)
		}
		defer sub.Close()
	}
	defer h.client.CloseIdleConnections()
	defer h.endAll()
	poll := time.NewTicker(h.d.Poll)
	defer poll.Stop()
	poke(h.changes)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.news:
			for _, w := range h.workers {
				poke(w.wake)
			}
		case <-h.changes:
			h.reconcile(ctx)
		case <-poll.C:
			h.reconcile(ctx)
		}
	}
}

// reconcile makes the workers those that the store asks for, and lets each look for news of every kind. It
// and what it calls run on the goroutine of Run, the only one that changes the map.
func (h *Webhooks) reconcile(ctx context.Context) {
	list, _, err := h.d.DB.Webhooks(ctx, MaxWebhooks, nil)
	if err != nil {
		if ctx.Err() == nil {
			h.d.Log.Error("webhooks: the store fails", "err", err)
		}
		return
	}
	known, enabled := map[string]bool{}, map[string]int64{}
	for _, w := range list {
		known[w.ID] = true
		if w.Enabled {
			enabled[w.ID] = w.Version
		}
	}
	for id, w := range h.workers {
		if version, ok := enabled[id]; !ok || version != w.hook.Version {
			w.end()
			delete(h.workers, id)
		}
	}
	for id := range h.told {
		if !known[id] {
			h.forget(id)
			delete(h.told, id)
		}
	}
	for _, w := range list {
		if !w.Enabled {
			continue
		}
		if running := h.workers[w.ID]; running != nil {
			running.lookEverywhere()
			continue
		}
		started, err := h.start(ctx, w)
		if err != nil {
			h.d.Log.Error("webhooks: one cannot be told", "webhook", w.ID, "err", err)
			continue
		}
		h.workers[w.ID], h.told[w.ID] = started, true
	}
}

func (h *Webhooks) endAll() {
	for _, w := range h.workers {
		w.cancel()
	}
	for id, w := range h.workers {
		<-w.done
		delete(h.workers, id)
	}
}

// forget drops what was remembered of a webhook that is gone.
func (h *Webhooks) forget(id string) {
	for _, v := range []*prometheus.CounterVec{h.delivered, h.failed, h.dead} {
		v.DeleteLabelValues(id)
	}
	h.lag.DeleteLabelValues(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.recent, id)
}

// maxRecent is how many deliveries of a webhook are remembered.
const maxRecent = 100

// Delivery is one try to tell one event.
type Delivery struct {
	Time     time.Time
	Took     time.Duration
	EventID  string
	Sequence int64
	Kind     string // live, replay or dead-letter
	Status   int    // 0: there was no answer
	Error    string // empty: it was taken
}

func (h *Webhooks) remember(id string, d Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := append(h.recent[id], d)
	if len(list) > maxRecent {
		list = append(list[:0], list[len(list)-maxRecent:]...)
	}
	h.recent[id] = list
}

// Recent gives the last tries of this process to tell a webhook, newest first.
func (h *Webhooks) Recent(id string) []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.recent[id]
	out := make([]Delivery, 0, len(list))
	for i := range list {
		out = append(out, list[len(list)-1-i])
	}
	return out
}
