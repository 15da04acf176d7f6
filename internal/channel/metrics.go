package channel

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	live, viewers       prometheus.Gauge
	sessions, unwritten prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		live:      f.NewGauge(prometheus.GaugeOpts{Name: "streamcat_channel_live", Help: "Channels that somebody publishes to."}),
		viewers:   f.NewGauge(prometheus.GaugeOpts{Name: "streamcat_channel_viewers", Help: "Viewers of all live channels, by playback session."}),
		sessions:  f.NewCounter(prometheus.CounterOpts{Name: "streamcat_channel_sessions_total", Help: "Stream sessions begun."}),
		unwritten: f.NewCounter(prometheus.CounterOpts{Name: "streamcat_channel_unwritten_total", Help: "Attempts to write a session's change down that failed; each is tried again."}),
	}
}
