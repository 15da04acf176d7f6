package review

import "github.com/prometheus/client_golang/prometheus"

// metrics says what CloudWatch's AWS/IVSChat says of handlers (InvocationErrors, ResponseValidationErrors) and
// AWS/Lambda of functions (Invocations, Duration, ConcurrentExecutions), and what operators need besides.
type metrics struct {
	invocations *prometheus.CounterVec
	failures    *prometheus.CounterVec
	invalid     *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	running     *prometheus.GaugeVec
	open        *prometheus.GaugeVec
}

// handlerMetrics are those of one handler.
type handlerMetrics struct {
	arn                  string
	invocations, invalid prometheus.Counter
	failures             *prometheus.CounterVec
	latency              prometheus.Observer
	running, open        prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	label := []string{"uri"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "review", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "streamcat", Subsystem: "review", Name: name, Help: help}, label)
	}
	m := &metrics{
		invocations: counter("invocations_total", "Messages that a review handler was asked about.", "uri"),
		failures: counter("invocation_errors_total",
			"Messages about which a review handler gave no answer: timeout, error, or not asked because it was busy or had not answered before (open).", "uri", "reason"),
		invalid: counter("response_validation_errors_total", "Answers of a review handler that are no verdict.", "uri"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "streamcat", Subsystem: "review", Name: "duration_seconds", Help: "How long a review handler took, failures included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .15, .2, .5, 1, 5},
		}, label),
		running: gauge("concurrent_executions", "Messages that a review handler is being asked about."),
		open:    gauge("breaker_open", "1 while a review handler is left alone because it does not answer."),
	}
	if reg != nil {
		reg.MustRegister(m.invocations, m.failures, m.invalid, m.latency, m.running, m.open)
	}
	return m
}

func (m *metrics) of(arn string) handlerMetrics {
	return handlerMetrics{
		arn: arn, invocations: m.invocations.WithLabelValues(arn), invalid: m.invalid.WithLabelValues(arn), failures: m.failures,
		latency: m.latency.WithLabelValues(arn), running: m.running.WithLabelValues(arn), open: m.open.WithLabelValues(arn),
	}
}

func (m *metrics) forget(arn string) {
	label := prometheus.Labels{"uri": arn}
	for _, v := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.invocations, m.failures, m.invalid, m.latency, m.running, m.open} {
		v.DeletePartialMatch(label)
	}
}
