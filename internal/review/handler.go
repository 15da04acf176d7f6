package review

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// handler is one handler as it is asked: at most so many questions at once, so many that wait, and a breaker that
// leaves it alone while it does not answer.
type handler struct {
	call    Caller
	slots   chan struct{} // full of the questions it has
	waiting atomic.Int64
	most    int64 // that may wait
	breaker breaker
	metrics handlerMetrics
	log     *slog.Logger

	users int       // guarded by Handlers.mu
	used  time.Time // when it was last released; guarded by Handlers.mu
}

func newHandler(call Caller, concurrent, waiting int, m handlerMetrics, log *slog.Logger) *handler {
	return &handler{call: call, slots: make(chan struct{}, concurrent), most: int64(waiting), metrics: m, log: log}
}

var (
	errBusy = errors.New("the handler has too many questions")
	errOpen = errors.New("the handler does not answer and is left alone for now")
	errLate = errors.New("no answer in time")
)

// ask gives the handler's answer, or why there is none. What is no verdict is an answer, too.
func (h *handler) ask(ctx context.Context, id string, payload []byte) ([]byte, error) {
	admitted, probe := h.breaker.admit(time.Now())
	if !admitted {
		h.metrics.failures.WithLabelValues(h.metrics.arn, "open").Inc()
		return nil, errOpen
	}
	if err := h.enter(ctx); err != nil {
		h.breaker.abandon(probe)
		h.metrics.failures.WithLabelValues(h.metrics.arn, "busy").Inc()
		return nil, err
	}
	defer func() { <-h.slots }()
	h.metrics.invocations.Inc()
	h.metrics.running.Inc()
	began := time.Now()
	answer, err := h.call(ctx, id, payload)
	h.metrics.latency.Observe(time.Since(began).Seconds())
	h.metrics.running.Dec()
	var nonsense *invalidAnswer
	if err == nil || errors.As(err, &nonsense) {
		// An answer that is no verdict does not count against the handler: who finds a message to which it has
		// none could otherwise have everybody's messages go without review.
		if h.breaker.worked() {
			h.metrics.open.Set(0)
			h.log.Info("the chat review handler answers again")
		}
		return answer, err
	}
	why := "error"
	if ctx.Err() != nil {
		why, err = "timeout", errLate
	}
	h.metrics.failures.WithLabelValues(h.metrics.arn, why).Inc()
	if h.breaker.failed(time.Now(), probe) {
		h.metrics.open.Set(1)
		h.log.Warn("the chat review handler does not answer; messages go by the rooms' fallback result until it does", "error", err)
	}
	return nil, err
}

// enter waits for a slot, in the order of coming.
func (h *handler) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > h.most {
		h.waiting.Add(-1)
		return errBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}
