package tlsport

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a handshake, as the metric names them.
const (
	done       = "done"
	failed     = "failed"
	late       = "late"
	plainHTTP  = "plain_http"
	crowdedOut = "crowded_out"
)

// metrics of a port. Labels come from short fixed lists, never from a peer.
type metrics struct {
	handshakes  *prometheus.CounterVec
	connections *prometheus.CounterVec
	waiting     prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_tls_handshakes_total", Help: "TLS handshakes, by result.",
		}, []string{"result"}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_tls_connections_total", Help: "Connections by what is spoken over TLS.",
		}, []string{"protocol"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_tls_waiting", Help: "Connections whose handshake or first byte is awaited.",
		}),
	}
	if r != nil {
		r.MustRegister(m.handshakes, m.connections, m.waiting)
	}
	return m
}

// measureExpiry tells when the certificate ends that ends first; the zero time stands for none.
func measureExpiry(r prometheus.Registerer, first func() time.Time) {
	if r == nil {
		return
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "streamcat_tls_certificate_expiry_seconds", Help: "When the certificate that ends first does, in Unix time; 0 while there is none.",
	}, func() float64 {
		if at := first(); !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	}))
}
