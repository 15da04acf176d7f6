package chatlog

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics says what CloudWatch's AWS/IVSChat says (LogDestinationAccessDeniedError,
// LogDestinationResourceNotFoundErrors and LogDestinationErrors by LoggingConfiguration), and what
// operators need besides.
type metrics struct {
	records, bytes, retries prometheus.Counter
	delivered, dropped      *prometheus.CounterVec
	errors                  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, oldest func() time.Duration) *metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "chatlog", Name: name, Help: help}
	}
	m := &metrics{
		records:   prometheus.NewCounter(opts("records_total", "Messages and events written to the journal, once for each logging configuration.")),
		bytes:     prometheus.NewCounter(opts("bytes_total", "Bytes written to the journal.")),
		retries:   prometheus.NewCounter(opts("retries_total", "Deliveries that failed and are tried again.")),
		delivered: prometheus.NewCounterVec(opts("delivered_total", "Records that a destination took."), []string{"destination"}),
		dropped: prometheus.NewCounterVec(opts("dropped_total", "Records that will not be delivered: the journal was full or could not be written, "+
			"the destination rejected them for good, the configuration was deleted at once, or the journal was damaged."), []string{"reason"}),
		errors: prometheus.NewCounterVec(opts("errors_total", "Deliveries that failed, by the logging configuration and the kind of the error."), []string{"configuration", "error"}),
	}
	if reg != nil {
		reg.MustRegister(m.records, m.bytes, m.retries, m.delivered, m.dropped, m.errors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "chatlog", Name: "oldest_undelivered_seconds",
			Help: "Age of the oldest record that is not delivered; it normally reaches the delay of its destination.",
		}, func() float64 { return oldest().Seconds() }))
	}
	return m
}

// failed counts a delivery that failed. A configuration's id is a label, for there are few of them.
func (m *metrics) failed(configuration string, err error) {
	kind := "other"
	switch code := code(err); {
	case strings.HasPrefix(code, "AccessDenied"), code == "UnrecognizedClientException", code == "InvalidAccessKeyId", code == "SignatureDoesNotMatch":
		kind = "access_denied"
	case strings.HasPrefix(code, "ResourceNotFound"), code == "NoSuchBucket":
		kind = "not_found"
	}
	m.errors.WithLabelValues(configuration, kind).Inc()
}
