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

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ingest_connections", Help: "RTMP connections that are open.",
		}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streamcat_ingest_connections_total", Help: "RTMP connections that were accepted.",
		}),
		publishers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_ingest_publishers", Help: "RTMP publishers that are live.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streamcat_ingest_received_bytes_total", Help: "Bytes received over RTMP.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_ingest_refusals_total", Help: "RTMP connections that this server ended, by reason.",
		},
			[]string{"reason"}),
	}
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "streamcat_ingest_frames_total", Help: "Frames received over RTMP, by kind.",
	}, []string{"kind"})
	m.video, m.audio = frames.WithLabelValues("video"), frames.WithLabelValues("audio")
	if r != nil {
		r.MustRegister(m.connections, m.accepted, m.publishers, m.bytes, m.refusals, frames)
	}
	return m
}
