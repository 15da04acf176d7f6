// Package review asks message review handlers what to do with a chat message, as Amazon IVS Chat asks a Lambda
// function: the same JSON goes out and comes back, over HTTP to an address that stands for the function, to a real
// function, or to a handler in this process.
//
// What is promised: a question has an answer or an error within the time-out, however many are asked and whatever
// the handler does; a handler never has more than so many questions at once, and what waits for it is bounded; one
// that does not answer several times in a row is left alone and tried by single messages until it does. What is not
// decided here: what happens to a message whose review failed. The room knows its fallback.
//
// Neither what people say nor a handler's URL, which may hold a secret, reaches the log or a metric; its ARN does.
//
// https://docs.aws.amazon.com/ivs/latest/ChatUserGuide/chat-message-review-handler.html
package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Request is what a handler is asked. Its JSON is Amazon's.
type Request struct {
	Content    string
	MessageID  string `json:"MessageId"` // that the message will have if it is said
	RoomARN    string `json:"RoomArn"`
	Attributes map[string]string
	Sender     Sender
}

// Sender is who wants to say it.
type Sender struct {
	Attributes map[string]string
	UserID     string `json:"UserId"`
	IP         string `json:"Ip"` // "" where there is no network in between
}

// payload prints a request; maps are never null.
func (r Request) payload() ([]byte, error) {
	for _, m := range []*map[string]string{&r.Attributes, &r.Sender.Attributes} {
		if *m == nil {
			*m = map[string]string{}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode review request: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Verdict is what a handler said. Of an allowed message, content and attributes are what everybody shall get; of a
// denied one, the reason is for its sender and may be empty.
type Verdict struct {
	Allowed    bool
	Content    string
	Attributes map[string]string
	Reason     string
}

// Caller hands one request to a handler and gives the body of its answer, of which it reads no more than
// maxAnswer bytes. It returns soon after ctx has ended. The id is the request's MessageId. Its errors name no URL.
type Caller func(ctx context.Context, id string, payload []byte) ([]byte, error)

// Deps is what Handlers are made of. Everything may be zero.
type Deps struct {
	Fixed map[string]Caller       // by ARN
	Other func(arn string) Caller // for ARNs that are not fixed; nil: they cannot be asked

	Timeout    time.Duration // for an answer, waiting for the handler's other answers included; 200 ms
	Concurrent int           // questions that one handler has at once; 128
	Waiting    int           // questions that wait for one handler; 1024

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Handlers asks handlers by their ARN. It is safe for concurrent use.
type Handlers struct {
	d       Deps
	metrics *metrics

	mu    sync.Mutex
	known map[string]*handler
}

// maxKnown bounds the handlers of which something is remembered: rooms can name any ARN.
const maxKnown = 256

// New makes Handlers.
func New(d Deps) *Handlers {
	if d.Timeout <= 0 {
		d.Timeout = 200 * time.Millisecond
	}
	if d.Concurrent <= 0 {
		d.Concurrent = 128
	}
	if d.Waiting <= 0 {
		d.Waiting = 1024
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	return &Handlers{d: d, metrics: newMetrics(d.Registerer), known: map[string]*handler{}}
}

var (
	errUnmapped = errors.New("no handler is configured for this ARN")
	errTooMany  = errors.New("too many handlers are in use")
)

func unmapped(context.Context, string, []byte) ([]byte, error) { return nil, errUnmapped }

// Review asks the handler with that ARN. The content of an allowed message has 1 to maxContent code points. An error
// says that there is no verdict: the handler was not asked, did not answer in time, or answered what is none.
func (h *Handlers) Review(ctx context.Context, arn string, maxContent int, r Request) (Verdict, error) {
	payload, err := r.payload()
	if err != nil {
		return Verdict{}, err
	}
	handler, err := h.take(arn)
	if err != nil {
		return Verdict{}, err
	}
	defer h.release(handler)
	ctx, cancel := context.WithTimeout(ctx, h.d.Timeout)
	defer cancel()
	answer, err := handler.ask(ctx, r.MessageID, payload)
	var verdict Verdict
	if err == nil {
		verdict, err = parseAnswer(answer, maxContent, r.Attributes)
	}
	var nonsense *invalidAnswer
	if errors.As(err, &nonsense) {
		handler.metrics.invalid.Inc()
	}
	return verdict, err
}

// take finds or makes the handler of an ARN and keeps it until release.
func (h *Handlers) take(arn string) (*handler, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.known[arn]
	if known == nil {
		if len(h.known) >= maxKnown && !h.forgetOne() {
			return nil, errTooMany
		}
		call := h.d.Fixed[arn]
		if call == nil && h.d.Other != nil {
			call = h.d.Other(arn)
		}
		if call == nil {
			call = unmapped
		}
		known = newHandler(call, h.d.Concurrent, h.d.Waiting, h.metrics.of(arn), h.d.Log.With("handler", arn))
		h.known[arn] = known
	}
	known.users++
	return known, nil
}

func (h *Handlers) release(known *handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known.users--
	known.used = time.Now()
}

// forgetOne drops the handler that nobody has used for longest, and its metrics; false if all are in use.
func (h *Handlers) forgetOne() bool {
	oldest := ""
	for arn, k := range h.known {
		if k.users == 0 && (oldest == "" || k.used.Before(h.known[oldest].used)) {
			oldest = arn
		}
	}
	if oldest == "" {
		return false
	}
	delete(h.known, oldest)
	h.metrics.forget(oldest)
	return true
}
