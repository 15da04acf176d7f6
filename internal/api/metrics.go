package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts answers. Labels come from the route tables and the list of exceptions, never from what
// a client sent, so that their number is bounded.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec

	auditFailures prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_api_requests_total",
			Help: "Answered API requests by service, operation and result: ok, or the exception's name.",
		}, []string{"service", "operation", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "streamcat_api_request_seconds",
			Help:    "Time from the request's headers to the answer, by service and operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"service", "operation"}),
		auditFailures: NewAuditFailures("ivs"),
	}
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.auditFailures)
	}
	return m
}

// NewAuditFailures makes the counter of what is missing in the audit log; api is "ivs" or "engine".
func NewAuditFailures(api string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name:        "streamcat_api_audit_failures_total",
		Help:        "Calls that could not be written to the audit log.",
		ConstLabels: prometheus.Labels{"api": api},
	})
}

func (m *metrics) note(t target, result string, took time.Duration) {
	operation := t.Name
	if operation == "" {
		operation = "unknown"
	}
	m.requests.WithLabelValues(t.service.Name, operation, result).Inc()
	m.seconds.WithLabelValues(t.service.Name, operation).Observe(took.Seconds())
}
