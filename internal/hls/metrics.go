package hls

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what all packagers of a process do. The nil *Metrics counts nothing.
type Metrics struct{}

// NewMetrics registers the counters with reg, which may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics { return &Metrics{} }
