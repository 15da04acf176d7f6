// Package sfubench loads a server with publishers and subscribers over the loopback, and measures what
// forwarding costs it. It is for benchmarks. It speaks WHIP and WHEP, and so loads any server that does.
//
// The load runs in the calling process, the server in one of its own, each on a core of its own if the
// machine has two.
package sfubench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/gauge"
)

// Door is where a client posts its offer, and what with.
type Door struct {
	URL, Token string
	Header     http.Header // further fields of the request; may be nil
	Pictures   int         // how many come by it to a subscriber; 0 is 1
}

// Target is a running server.
type Target struct {
	PID            int
	Publish        []Door        // one per publisher
	Subscribe      []Door        // one per connection of subscribers; each publisher is watched over as many of them
	Join           []Door        // of those who join late, one after the other
	Warm, Duration time.Duration // before measuring, and while
	Measuring      func()        // called when the measuring begins; may be nil
}

// Result is what was measured.
type Result struct {
	Publishers, Subscribers int // one who watches several publishers is as many subscribers
	Connections             int // of subscribers
	Duration                time.Duration
	Due                     int           // packets that subscribers should get of what was made while measuring
	Forwarded               int           // those that they got of these
	CPU                     time.Duration // of the server per forwarded packet
	Memory                  int64         // resident bytes per subscriber

	KeyP50, KeyP99     time.Duration // from a key frame's making to its last packet at the subscriber
	FrameP50, FrameP99 time.Duration // the same of other frames
	JoinP50, JoinMax   time.Duration // from the request to a whole key frame
	Connect            time.Duration // of this until the first packet, median
}

// KeptUp says whether subscribers got nine tenths of what they should: a packet that is not sent costs
// nothing, and proves nothing.
func (r *Result) KeptUp() bool { return 10*r.Forwarded > 9*r.Due }

// String is a line or three of a report.
func (r *Result) String() string {
	text := fmt.Sprintf("%d × publishing, %d × subscribed over %d connections, %.0f packets/s: %.2f µs of CPU per forwarded packet; %d of %d packets lost; %.0f KiB resident per subscriber\n"+
		"last packet of a key frame of %d kB at the subscriber p50 %.1f ms, p99 %.1f ms; of other frames p50 %.1f ms, p99 %.1f ms",
		r.Publishers, r.Subscribers, r.Connections, float64(r.Forwarded)/r.Duration.Seconds(), micro(r.CPU), r.Due-r.Forwarded, r.Due, float64(r.Memory)/1024,
		keyPackets*packetSize/1000, milli(r.KeyP50), milli(r.KeyP99), milli(r.FrameP50), milli(r.FrameP99))
	if r.JoinMax > 0 {
		text += fmt.Sprintf("\njoining → whole key frame p50 %.0f ms, max %.0f ms, of which p50 %.0f ms to the first packet", milli(r.JoinP50), milli(r.JoinMax), milli(r.Connect))
	}
	return text
}

func micro(d time.Duration) float64 { return float64(d) / 1e3 }
func milli(d time.Duration) float64 { return float64(d) / 1e6 }

// span holds the packets that count, by when they were made. It is set once and ahead of its begin, so that
// publishers and subscribers count the same packets.
type span struct{ from, until atomic.Int64 } // nanoseconds since 1970

func (s *span) set(from time.Time, d time.Duration) {
	s.until.Store(from.Add(d).UnixNano())
	s.from.Store(from.UnixNano())
}

func (s *span) holds(made int64) bool {
	from := s.from.Load()
	return from != 0 && from <= made && made < s.until.Load()
}

// Run publishes, subscribes, measures, and lets some more join.
func Run(ctx context.Context, t Target) (*Result, error) {
	together := gauge.Apart(t.PID)
	defer together()
	counted := &span{}
	var sources []*source
	var crowd []*viewer
	leave := func() {
		var wg sync.WaitGroup
		for _, v := range crowd {
			wg.Go(v.close)
		}
		for _, s := range sources {
			wg.Go(s.close)
		}
		wg.Wait()
	}
	defer leave()
	for i, door := range t.Publish {
		s, err := publish(ctx, door, counted)
		if err != nil {
			return nil, fmt.Errorf("publisher %d: %w", i, err)
		}
		sources = append(sources, s)
	}
	before := gauge.Resident(t.PID)
	for i, door := range t.Subscribe {
		v, err := subscribe(ctx, door, counted)
		if err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
		crowd = append(crowd, v...)
	}
	for i, v := range crowd {
		if err := v.await(ctx); err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
	}
	r := &Result{Publishers: len(sources), Subscribers: len(crowd), Connections: len(t.Subscribe), Duration: t.Duration}
	wait(ctx, t.Warm)
	r.Memory = (gauge.Resident(t.PID) - before) / int64(max(len(crowd), 1))
	if t.Measuring != nil {
		t.Measuring()
	}

	begin := time.Now().Add(100 * time.Millisecond)
	counted.set(begin, t.Duration)
	wait(ctx, time.Until(begin))
	cpu := gauge.CPU(t.PID)
	wait(ctx, time.Until(begin.Add(t.Duration)))
	cpu = gauge.CPU(t.PID) - cpu
	wait(ctx, 500*time.Millisecond) // for what is still under way

	if err := r.join(ctx, t.Join); err != nil {
		return nil, err
	}
	leave() // and what they counted may be read
	for _, s := range sources {
		r.Due += s.sent * len(crowd) / len(sources)
	}
	var keys, others []time.Duration
	for _, v := range crowd {
		r.Forwarded += v.got
		keys, others = append(keys, v.late.key...), append(others, v.late.other...)
	}
	if r.Forwarded == 0 {
		return nil, errors.New("nothing was forwarded")
	}
	r.CPU = cpu / time.Duration(r.Forwarded)
	r.KeyP50, r.KeyP99 = gauge.At(keys, 0.5), gauge.At(keys, 0.99)
	r.FrameP50, r.FrameP99 = gauge.At(others, 0.5), gauge.At(others, 0.99)
	return r, nil
}

// join lets some more in, one after the other, at odd moments of the stream.
func (r *Result) join(ctx context.Context, doors []Door) error {
	var whole, first []time.Duration
	for i, door := range doors {
		wait(ctx, time.Duration(130+37*i%400)*time.Millisecond)
		began := time.Now()
		v, err := subscribe(ctx, door, &span{})
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		err = v[0].await(ctx)
		v[0].close()
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		whole, first = append(whole, v[0].whole.Sub(began)), append(first, v[0].first.Sub(began))
	}
	r.JoinP50, r.JoinMax, r.Connect = gauge.At(whole, 0.5), gauge.At(whole, 1), gauge.At(first, 0.5)
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

var client = &http.Client{Timeout: 20 * time.Second}
