// Package sfubench loads a server with one publisher and many subscribers over the loopback, and measures
// what forwarding costs it. It is for benchmarks.
//
// The load runs in the calling process, the server in one of its own, each on a core of its own if the
// machine has two.
package sfubench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/gauge"
)

// Target is a running server.
type Target struct {
	PID                int
	Publish, Subscribe string // URLs of the doors
	PublishToken       string
	SubscribeTokens    []string // one per subscriber, Joins more for those who join late
	Subscribers, Joins int
	Warm, Duration     time.Duration // before measuring, and while
	Measuring          func()        // called when the measuring begins; may be nil
}

// Result is what was measured.
type Result struct {
	Subscribers int
	Sent        int           // packets of the publisher while measuring
	Forwarded   int           // packets that the subscribers got of these
	CPU         time.Duration // of the server per forwarded packet
	Floor       time.Duration // of sealing the same packets and sending them, alone
	Memory      int64         // resident bytes per subscriber

	KeyP50, KeyP99     time.Duration // from a key frame's making to its last packet at the subscriber
	FrameP50, FrameP99 time.Duration // the same of other frames
	JoinP50, JoinMax   time.Duration // from the request to a whole key frame
	Connect            time.Duration // of this until the first packet, median
}

// String is a line or two of a report.
func (r *Result) String() string {
	return fmt.Sprintf("%d subscribers, %d packets/s: %.2f µs of CPU per forwarded packet, %.2f × the floor of %.2f µs (seal and sendto alone); %.2f %% lost; %.0f KiB resident per subscriber\n"+
		"last packet of a key frame of %d kB at the subscriber p50 %.1f ms, p99 %.1f ms; of other frames p50 %.1f ms, p99 %.1f ms; joining → whole key frame p50 %.0f ms, max %.0f ms, of which p50 %.0f ms to the first packet",
		r.Subscribers, r.Forwarded, micro(r.CPU), float64(r.CPU)/float64(r.Floor), micro(r.Floor), max(0, 100-100*float64(r.Forwarded)/float64(max(r.Sent*r.Subscribers, 1))), float64(r.Memory)/1024,
		keyPackets*packetSize/1000, milli(r.KeyP50), milli(r.KeyP99), milli(r.FrameP50), milli(r.FrameP99), milli(r.JoinP50), milli(r.JoinMax), milli(r.Connect))
}

func micro(d time.Duration) float64 { return float64(d) / 1e3 }
func milli(d time.Duration) float64 { return float64(d) / 1e6 }

// Run publishes, subscribes, measures, and lets some more join.
func Run(ctx context.Context, t Target) (*Result, error) {
	if len(t.SubscribeTokens) < t.Subscribers+t.Joins {
		return nil, fmt.Errorf("%d tokens for %d subscribers", len(t.SubscribeTokens), t.Subscribers+t.Joins)
	}
	together := gauge.Apart(t.PID)
	defer together()
	source, err := publish(ctx, t.Publish, t.PublishToken)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	defer source.close()
	before := gauge.Resident(t.PID)

	var crowd []*viewer
	defer func() {
		var wg sync.WaitGroup
		for _, v := range crowd {
			wg.Go(v.close)
		}
		wg.Wait()
	}()
	for i := range t.Subscribers {
		v, err := subscribe(ctx, t.Subscribe, t.SubscribeTokens[i])
		if err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
		crowd = append(crowd, v)
	}
	for i, v := range crowd {
		if err := v.await(ctx); err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
	}
	r := &Result{Subscribers: t.Subscribers}
	wait(ctx, t.Warm)
	r.Memory = (gauge.Resident(t.PID) - before) / int64(max(t.Subscribers, 1))
	if t.Measuring != nil {
		t.Measuring()
	}

	sent, got, cpu := source.sent.Load(), received(crowd), gauge.CPU(t.PID)
	measuring(crowd, true)
	wait(ctx, t.Duration)
	measuring(crowd, false)
	r.Forwarded, r.Sent = int(received(crowd)-got), int(source.sent.Load()-sent)
	if r.Forwarded == 0 {
		return nil, fmt.Errorf("nothing was forwarded")
	}
	r.CPU = (gauge.CPU(t.PID) - cpu) / time.Duration(r.Forwarded)
	var keys, others []time.Duration
	for _, v := range crowd {
		keys, others = append(keys, v.late.key...), append(others, v.late.other...)
	}
	r.KeyP50, r.KeyP99 = gauge.At(keys, 0.5), gauge.At(keys, 0.99)
	r.FrameP50, r.FrameP99 = gauge.At(others, 0.5), gauge.At(others, 0.99)

	if err := r.join(ctx, t); err != nil {
		return nil, err
	}
	for _, v := range crowd {
		v.close()
	}
	source.close()
	together()
	r.Floor, err = floor(t.Subscribers, 3*time.Second)
	r.Forwarded = int(float64(r.Forwarded) / t.Duration.Seconds())
	r.Sent = int(float64(r.Sent) / t.Duration.Seconds())
	return r, err
}

// join lets some more in, one after the other, at odd moments of the stream.
func (r *Result) join(ctx context.Context, t Target) error {
	var whole, first []time.Duration
	for i := range t.Joins {
		wait(ctx, time.Duration(130+37*i%400)*time.Millisecond)
		began := time.Now()
		v, err := subscribe(ctx, t.Subscribe, t.SubscribeTokens[t.Subscribers+i])
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		err = v.await(ctx)
		v.close()
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		whole, first = append(whole, v.whole.Sub(began)), append(first, v.first.Sub(began))
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
