package hls

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what all packagers of a process do. The nil *Metrics counts nothing.
type Metrics struct {
	parts, partBytes, discontinuities, framesLost prometheus.Counter
	waiting                                       prometheus.Gauge
	requests                                      *prometheus.CounterVec
	answered                                      [fileKinds]prometheus.Counter // requests with 200
}

// NewMetrics registers the counters with reg, which may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "hls", Name: name, Help: help})
	}
	m := &Metrics{
		parts:           counter("parts_total", "Parts packaged."),
		partBytes:       counter("part_bytes_total", "Bytes of parts packaged."),
		discontinuities: counter("discontinuities_total", "Segments that follow a discontinuity."),
		framesLost:      counter("frames_lost_total", "Frames lost because a packager fell behind."),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "hls",
			Name: "requests_waiting", Help: "Requests that wait for a part.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "streamcat", Subsystem: "hls",
			Name: "requests_total", Help: "Requests by kind of file and status.",
		}, []string{"kind", "code"}),
	}
	for k := range m.answered {
		m.answered[k] = m.requests.WithLabelValues(fileKind(k).String(), "200")
	}
	if reg != nil {
		reg.MustRegister(m.parts, m.partBytes, m.discontinuities, m.framesLost, m.waiting, m.requests)
	}
	return m
}

func (m *Metrics) part(bytes int) {
	if m != nil {
		m.parts.Inc()
		m.partBytes.Add(float64(bytes))
	}
}

func (m *Metrics) discontinuity() {
	if m != nil {
		m.discontinuities.Inc()
	}
}

func (m *Metrics) lost(frames int64) {
	if m != nil {
		m.framesLost.Add(float64(frames))
	}
}

func (m *Metrics) wait(n float64) {
	if m != nil {
		m.waiting.Add(n)
	}
}

func (m *Metrics) ok(k fileKind) {
	if m != nil {
		m.answered[k].Inc()
	}
}

func (m *Metrics) refused(k fileKind, code string) {
	if m != nil {
		m.requests.WithLabelValues(k.String(), code).Inc()
	}
}
