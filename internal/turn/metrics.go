package turn

import (
	"github.com/pion/logging"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what operators see of the relay.
type metrics struct {
	allocations        *prometheus.GaugeVec
	connections        prometheus.Gauge
	refused            *prometheus.CounterVec
	bytesUp, bytesDown prometheus.Counter

	dropped struct{ stranger, peer, rate, slow prometheus.Counter }
}

func newMetrics(reg prometheus.Registerer) *metrics {
	many := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "turn", Name: name, Help: help}, []string{label})
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "streamcat", Subsystem: "turn", Name: name, Help: help}
	}
	m := &metrics{
		allocations: prometheus.NewGaugeVec(gauge("allocations", "Allocations of the TURN relay, by how their clients come: udp, or tcp with or without TLS."), []string{"network"}),
		connections: prometheus.NewGauge(gauge("connections", "TCP and TLS connections to the TURN relay.")),
		refused: many("refused_total", "What the TURN relay refused: bad credentials, credentials that expired, a peer that is not the media port, "+
			"an allocation above a quota (total, user, address), before the last one at the same place was gone (place), of another address family (family) "+
			"or kind (port) than there is, too much at once of one address (crowd).", "reason"),
	}
	bytes := many("relayed_bytes_total", "Bytes of payload between clients and the media port, by direction: in from clients, out to them.", "direction")
	m.bytesUp, m.bytesDown = bytes.WithLabelValues("in"), bytes.WithLabelValues("out")
	dropped := many("dropped_total", "Datagrams and connections that the TURN relay dropped without an answer: too many, too long or no requests, of "+
		"somebody without an allocation (stranger), to a peer that is not the media port (peer), above the bitrate (rate), for a client that does not keep up (slow).", "reason")
	for why, c := range map[string]*prometheus.Counter{
		"stranger": &m.dropped.stranger, "peer": &m.dropped.peer, "rate": &m.dropped.rate, "slow": &m.dropped.slow,
	} {
		*c = dropped.WithLabelValues(why)
	}
	if reg != nil {
		reg.MustRegister(m.allocations, m.connections, m.refused, bytes, dropped)
	}
	return m
}

func (m *metrics) allocated(stream bool, n float64) {
	network := "udp"
	if stream {
		network = "tcp"
	}
	m.allocations.WithLabelValues(network).Add(n)
}

// silence is pion's log: what it would say is what strangers send.
type silence struct{}

// NewLogger gives one that says nothing.
func (silence) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, nil)
}
