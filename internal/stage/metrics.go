package stage

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/sfu"
)

type metrics struct {
	stages        prometheus.Gauge
	participants  prometheus.Gauge
	publishers    prometheus.Gauge
	subscriptions prometheus.Gauge
	sockets       prometheus.Gauge
	dropped       prometheus.Counter
	refused       *prometheus.CounterVec
	retries       prometheus.Counter
	unwritten     prometheus.Counter

	ups   ledger[*sfu.Up, sfu.UpStats]
	downs ledger[*sfu.Down, sfu.DownStats]
}

func newMetrics(m *Manager, reg prometheus.Registerer) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "streamcat", Subsystem: "stage", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
	}
	x := &metrics{
		stages:        gauge("sessions", "Stage sessions that run."),
		participants:  gauge("participants", "Participants who are on stages."),
		publishers:    gauge("publishers", "Participants whose media flows to a stage."),
		subscriptions: gauge("subscriptions", "Sessions in which a participant watches another one."),
		sockets:       gauge("sockets", "Events sockets that are open."),
		dropped:       counter("sockets_dropped_total", "Events sockets that were cut because they did not keep up."),
		refused:       prometheus.NewCounterVec(prometheus.CounterOpts(opts("sockets_refused_total", "Events sockets that were refused, by the word for why.")), []string{"code"}),
		retries:       counter("write_retries_total", "Attempts to write down what happened on stages that failed."),
		unwritten:     counter("unwritten_total", "Changes of stages that were given up; the end of a session makes good what matters."),
	}
	x.ups = newLedger((*sfu.Up).Stats, addUp)
	x.downs = newLedger((*sfu.Down).Stats, addDown)
	if reg == nil {
		return x
	}
	reg.MustRegister(x.stages, x.participants, x.publishers, x.subscriptions, x.sockets, x.dropped, x.refused, x.retries, x.unwritten,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("journal_depth", "Changes of stages that wait to be written down.")), func() float64 { return float64(m.journal.depth()) }),
		forwarding{x})
	return x
}

// ledger sums the counts of things that come and go, and never counts one twice or forgets it.
type ledger[T comparable, S any] struct {
	stats func(T) S
	plus  func(*S, S)

	mu   sync.Mutex
	live map[T]struct{}
	gone S // of those that have gone
}

func newLedger[T comparable, S any](stats func(T) S, plus func(*S, S)) ledger[T, S] {
	return ledger[T, S]{stats: stats, plus: plus, live: map[T]struct{}{}}
}

func (l *ledger[T, S]) add(t T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[t] = struct{}{}
}

// remove is for one that counts no more; removing it twice does nothing.
func (l *ledger[T, S]) remove(t T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.live[t]; ok {
		delete(l.live, t)
		l.plus(&l.gone, l.stats(t))
	}
}

func (l *ledger[T, S]) total() S {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.gone
	for t := range l.live {
		l.plus(&sum, l.stats(t))
	}
	return sum
}

func addUp(sum *sfu.UpStats, s sfu.UpStats) {
	sum.Packets += s.Packets
	sum.Bytes += s.Bytes
	sum.Lost += s.Lost
	sum.KeyFramesAskedFor += s.KeyFramesAskedFor
}

func addDown(sum *sfu.DownStats, s sfu.DownStats) {
	sum.Packets += s.Packets
	sum.Bytes += s.Bytes
	sum.Retransmitted += s.Retransmitted
	sum.NotAnswered += s.NotAnswered
	sum.WriteErrors += s.WriteErrors
}

// forwarding collects what the Ups and Downs have counted when somebody asks, so that packets cost no more
// than they do anyway.
type forwarding struct{ m *metrics }

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("streamcat_stage_"+name, help, nil, nil)
}

var (
	descIn            = describe("packets_received_total", "RTP packets that stages took from publishers.")
	descInBytes       = describe("bytes_received_total", "Bytes of RTP that stages took from publishers.")
	descLost          = describe("packets_lost", "RTP packets of publishers that never came, so far.")
	descAsked         = describe("key_frames_asked_total", "Key frames that publishers were asked for.")
	descOut           = describe("packets_forwarded_total", "RTP packets written to subscribers, retransmissions included.")
	descOutBytes      = describe("bytes_forwarded_total", "Bytes of media written to subscribers.")
	descRetransmitted = describe("packets_retransmitted_total", "RTP packets written to subscribers again.")
	descNotAnswered   = describe("retransmissions_refused_total", "RTP packets asked for again and not sent.")
	descWriteErrors   = describe("write_errors_total", "RTP packets that could not be written to a subscriber.")
)

func (f forwarding) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descIn, descInBytes, descLost, descAsked, descOut, descOutBytes, descRetransmitted, descNotAnswered, descWriteErrors} {
		out <- d
	}
}

func (f forwarding) Collect(out chan<- prometheus.Metric) {
	up, down := f.m.ups.total(), f.m.downs.total()
	out <- prometheus.MustNewConstMetric(descLost, prometheus.GaugeValue, float64(up.Lost)) // a late packet lowers it
	for d, n := range map[*prometheus.Desc]uint64{
		descIn: up.Packets, descInBytes: up.Bytes, descAsked: up.KeyFramesAskedFor, descOut: down.Packets, descOutBytes: down.Bytes,
		descRetransmitted: down.Retransmitted, descNotAnswered: down.NotAnswered, descWriteErrors: down.WriteErrors,
	} {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
}
