package ingest

import "github.com/prometheus/client_golang/prometheus"

// metrics of one server. Labels come from short fixed lists, never from a peer.
type metrics struct {
	connections prometheus.Gauge
	accepted    prometheus.Counter
	publishers  prometheus.Gauge
	bytes       prometheus.Counter
	video       prometheus.Counter
	audio       prometheus.Counter
	refusals    *prometheus.CounterVec
}

// newMetrics makes the metrics of the server of one protocol, which is a label of all of them.
func newMetrics(r prometheus.Registerer, protocol string) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ingest_connections", Help: "Connections of encoders that are open.",
		}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streamcat_ingest_connections_total", Help: "Connections of encoders that were accepted.",
		}),
		publishers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ingest_publishers", Help: "Encoders that are live.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streamcat_ingest_received_bytes_total", Help: "Bytes received from encoders.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ingest_refusals_total", Help: "Connections of encoders that this server ended, by reason.",
		},
			[]string{"reason"}),
	}
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "streamcat_ingest_frames_total", Help: "Frames received from encoders, by kind.",
	}, []string{"kind"})
	m.video, m.audio = frames.WithLabelValues("video"), frames.WithLabelValues("audio")
	if r != nil {
		r = prometheus.WrapRegistererWith(prometheus.Labels{"protocol": protocol}, r)
		r.MustRegister(m.connections, m.accepted, m.publishers, m.bytes, m.refusals, frames)
	}
	return m
}
