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
	handshakes  *prometheus.CounterVec
	closed      *prometheus.CounterVec

	byKind map[noteKind]prometheus.Counter // of deliveries, looked up beforehand
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "room", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "room", Name: "connections",
			Help: "Chat connections that are open.",
		}),
		requests:   counter("requests_total", "Chat requests that clients made, done or refused.", "action"),
		deliveries: counter("deliveries_total", "Messages and events sent to connections: one per connection that each went to.", "action"),
		errors:     counter("errors_total", "Chat requests refused, by the code the client got.", "code"),
		handshakes: counter("handshakes_total", "Attempts to connect, by the HTTP status they got.", "status"),
		closed:     counter("closed_total", "Chat connections that ended; slow and silent ones were dropped.", "reason"),
		byKind:     map[noteKind]prometheus.Counter{},
	}
	for _, k := range []noteKind{noteMessage, noteEvent, noteDelete, noteDisconnect} {
		m.byKind[k] = m.deliveries.WithLabelValues(k.action())
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.requests, m.deliveries, m.errors, m.handshakes, m.closed)
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
