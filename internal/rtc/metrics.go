package rtc

import (
	"errors"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what operators see of the media port and its doors.
type metrics struct {
	sessions  *prometheus.GaugeVec
	joins     *prometheus.CounterVec
	connect   *prometheus.HistogramVec
	ends      *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	feedback  *prometheus.CounterVec
	packetsIn prometheus.Counter
	bytesIn   prometheus.Counter
	packets   prometheus.Counter
	bytes     prometheus.Counter
	unsent    prometheus.Counter
	padding   prometheus.Counter
	repairs   prometheus.Counter
	plis      prometheus.Counter
	nacks     prometheus.Counter

	pli, fir, nack prometheus.Counter // asked by subscribers

	dropped struct{ odd, stranger, check, full, sealed, alien prometheus.Counter }
}

func newMetrics(reg prometheus.Registerer) *metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "streamcat", Subsystem: "rtc", Name: name, Help: help}
	}
	one := func(name, help string) prometheus.Counter { return prometheus.NewCounter(opts(name, help)) }
	many := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(opts(name, help), []string{label})
	}
	m := &metrics{
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "streamcat", Subsystem: "rtc", Name: "sessions", Help: "WebRTC sessions that are open.",
		}, []string{"kind"}),
		joins: many("joins_total", "WebRTC sessions whose media came up.", "kind"),
		connect: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "streamcat", Subsystem: "rtc", Name: "connect_seconds", Help: "Time from the answer to media being up.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"kind"}),
		ends:      many("ends_total", "WebRTC sessions that ended, by why.", "reason"),
		refusals:  many("refusals_total", "Requests to the WHIP and WHEP doors that were refused, by code.", "code"),
		feedback:  many("feedback_total", "What subscribers asked for: lost packets (nack) and key frames (pli, fir).", "kind"),
		packetsIn: one("packets_received_total", "RTP packets that publishers sent."),
		bytesIn:   one("bytes_received_total", "Bytes of RTP that publishers sent."),
		packets:   one("packets_sent_total", "RTP packets sent to subscribers."),
		bytes:     one("bytes_sent_total", "Bytes of RTP sent to subscribers."),
		unsent:    one("packets_unsent_total", "RTP packets to subscribers that the network or a slow client did not take."),
		padding:   one("padding_sent_total", "RTP packets of mere padding sent to subscribers, to find out what their lines carry."),
		repairs:   one("repairs_sent_total", "RTP packets sent to subscribers again, on a repair stream (RTX)."),
		plis:      one("plis_sent_total", "Key frames asked of publishers."),
		nacks:     one("nacks_sent_total", "Lost packets asked of publishers again."),
	}
	lost := many("packets_dropped_total", "Datagrams that were dropped: of no session (stranger), of no proper size (odd), checks that were not authentic (check), "+
		"more than a session took (full), not authentic (sealed), not as offered (alien).", "reason")
	for why, c := range map[string]*prometheus.Counter{
		"odd": &m.dropped.odd, "stranger": &m.dropped.stranger, "check": &m.dropped.check,
		"full": &m.dropped.full, "sealed": &m.dropped.sealed, "alien": &m.dropped.alien,
	} {
		*c = lost.WithLabelValues(why)
	}
	m.pli, m.fir, m.nack = m.feedback.WithLabelValues("pli"), m.feedback.WithLabelValues("fir"), m.feedback.WithLabelValues("nack")
	if reg != nil {
		reg.MustRegister(m.sessions, m.joins, m.connect, m.ends, m.refusals, m.feedback, m.packetsIn, m.bytesIn,
			m.packets, m.bytes, m.unsent, m.padding, m.repairs, m.plis, m.nacks, lost)
	}
	return m
}

func (m *metrics) opened(kind string) { m.sessions.WithLabelValues(kind).Inc() }

func (m *metrics) connected(kind string, took time.Duration) {
	m.joins.WithLabelValues(kind).Inc()
	m.connect.WithLabelValues(kind).Observe(took.Seconds())
}

func (m *metrics) closed(kind string, reason error) {
	m.sessions.WithLabelValues(kind).Dec()
	why := "ended" // by whoever is behind the gate
	for _, known := range []struct {
		err   error
		label string
	}{
		{io.EOF, "goodbye"},
		{ErrNoConnection, "no_connection"},
		{ErrHandshake, "handshake"},
		{ErrLost, "lost"},
		{ErrPeerClosed, "peer_closed"},
		{ErrFlood, "flood"},
		{ErrGarbage, "garbage"},
		{ErrShutdown, "shutdown"},
	} {
		if errors.Is(reason, known.err) {
			why = known.label
		}
	}
	m.ends.WithLabelValues(why).Inc()
}
