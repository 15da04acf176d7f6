package room

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics says what CloudWatch's AWS/IVSChat says (ConcurrentChatConnections, MessagingRequests,
// Requests by Action, MessagingDeliveries, Deliveries by Action), and what operators need besides.
type metrics struct {
	connections prometheus.Gauge
	requests    *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	errors      *prometheus.CounterVec
	reviews     *prometheus.CounterVec
	handshakes  *prometheus.CounterVec
	closed      *prometheus.CounterVec

	owned           prometheus.Gauge
	repaired        prometheus.Counter
	lost            prometheus.Counter
	stale           prometheus.Counter
	refusedForwards prometheus.Counter
	unforwarded     prometheus.Counter

	byKind map[noteKind]prometheus.Counter // of deliveries, looked up beforehand
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "room", Name: name, Help: help}, []string{label})
	}
	plain := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "room", Name: name, Help: help})
	}
	m := &metrics{
		owned: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "room", Name: "owned_rooms",
			Help: "Chat rooms whose messages this node of a cluster numbers.",
		}),
		repaired:        plain("gap_repaired_total", "Messages and events that the bus did not bring and another node did."),
		lost:            plain("gap_lost_total", "Messages and events that were missed and that no node keeps any more."),
		stale:           plain("stale_total", "Messages and events of earlier owners that came too late to count."),
		refusedForwards: plain("forward_retries_total", "Requests to a room's owner that it did not take, so that they were made again."),
		unforwarded:     plain("forward_failed_total", "Messages and events refused because no owner took them in time."),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "room", Name: "connections",
			Help: "Chat connections that are open.",
		}),
		requests:   counter("requests_total", "Chat requests that clients made, done or refused.", "action"),
		deliveries: counter("deliveries_total", "Messages and events sent to connections: one per connection that each went to.", "action"),
		errors:     counter("errors_total", "Chat requests refused, by the code the client got.", "code"),
		reviews:    counter("reviews_total", "Messages that were reviewed, by what became of them; fallback: the handler gave no verdict.", "outcome"),
		handshakes: counter("handshakes_total", "Attempts to connect, by the HTTP status they got.", "status"),
		closed:     counter("closed_total", "Chat connections that ended; slow and silent ones were dropped.", "reason"),
		byKind:     map[noteKind]prometheus.Counter{},
	}
	for _, k := range []noteKind{noteMessage, noteEvent, noteDelete, noteDisconnect} {
		m.byKind[k] = m.deliveries.WithLabelValues(k.action())
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.requests, m.deliveries, m.errors, m.reviews, m.handshakes, m.closed, m.owned, m.repaired, m.lost, m.stale, m.refusedForwards, m.unforwarded)
	}
	return m
}

func (m *metrics) delivered(k noteKind, connections int) {
	if c, ok := m.byKind[k]; ok { // noteClose carries nothing
		c.Add(float64(connections))
	}
}

func (m *metrics) failed(code int) { m.errors.WithLabelValues(strconv.Itoa(code)).Inc() }

func (m *metrics) handshake(status int) { m.handshakes.WithLabelValues(strconv.Itoa(status)).Inc() }
