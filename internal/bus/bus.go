// Package bus carries messages between the parts of one server and between the nodes of a cluster: it is
// NATS, either inside the process, without a listener and with nothing to install, or a cluster named
// by a URL. Both are the same code from the connection on.
//
// What is promised: messages of one publisher on one subject reach a subscription in the order they were
// published, one call at a time. What is not: a message is delivered at most once, and one that was
// published while nobody listened is gone. What must not be lost goes into the store's outbox; the
// bus merely wakes its readers. A subscriber that falls behind by more than [MaxPending] loses the
// newest messages, is told so in the log, and is no burden to others.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/streamcat/streamcat/internal/fault"
)

// MaxPending and MaxPendingBytes bound what waits for one subscription's function.
const (
	MaxPending      = 64 << 10
	MaxPendingBytes = 64 << 20
)

// Options say which NATS to use.
type Options struct {
	URL  string       // of a cluster, "nats://…"; empty: inside the process
	Dir  string       // where the embedded server keeps what must last; needed without a URL
	Name string       // of this node, for the cluster's operators; may be empty
	Log  *slog.Logger // nil: slog.Default()
}

// Bus is a connection, and the server behind it where that is embedded. It is safe for concurrent use.
type Bus struct {
	log    *slog.Logger
	conn   *nats.Conn
	server *server.Server // nil with a URL
	closed chan struct{}  // closed when conn is

	mu          sync.Mutex
	lost, again []func() // what OnBreak was given
}

// Open connects, after starting the embedded server where no URL is given. It fails where the cluster
// does not answer; a connection lost later is made again without end.
func Open(ctx context.Context, o Options) (*Bus, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Bus{log: o.Log, closed: make(chan struct{})}
	options := []nats.Option{
		nats.Name("streamcat " + o.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(timeLeft(ctx, 5*time.Second)),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
		nats.DisconnectErrHandler(b.disconnected),
		nats.ReconnectHandler(b.reconnected),
		nats.ErrorHandler(b.complain),
	}
	if o.URL == "" {
		s, err := startServer(o)
		if err != nil {
			return nil, fmt.Errorf("start the embedded bus: %w", err)
		}
		b.server = s
		options = append(options, nats.InProcessServer(s))
	}
	conn, err := nats.Connect(o.URL, options...)
	if err != nil {
		b.stopServer()
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	b.conn = conn
	return b, nil
}

// timeLeft is the time until ctx ends, at most limit.
func timeLeft(ctx context.Context, limit time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(limit, max(time.Millisecond, time.Until(deadline)))
	}
	return limit
}

// complain logs what goes wrong behind the back of any caller: mostly a subscriber that is too slow.
func (b *Bus) complain(_ *nats.Conn, sub *nats.Subscription, err error) {
	if sub == nil {
		b.log.Error("bus: error", "err", err)
		return
	}
	dropped, _ := sub.Dropped()
	b.log.Warn("bus: a subscriber is in trouble", "subject", sub.Subject, "dropped", dropped, "err", err)
}

// Close lets subscriptions handle what they have, until ctx ends, and then stops everything. No function
// is called after it returns unless ctx ended early. Closing twice does nothing; anything else fails after
// it.
func (b *Bus) Close(ctx context.Context) error {
	err := b.conn.Drain()
	if err == nil {
		select {
		case <-b.closed:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	b.conn.Close()
	<-b.closed
	b.stopServer()
	if errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil // there was nothing to wait for
	}
	return err
}

func (b *Bus) stopServer() {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

// OnBreak has lost called whenever the connection is lost, and again when it was made again: what was said
// meanwhile was missed. Neither may wait.
func (b *Bus) OnBreak(lost, again func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost, b.again = append(b.lost, lost), append(b.again, again)
}

func (b *Bus) disconnected(_ *nats.Conn, err error) {
	if err != nil {
		b.log.Warn("bus: connection lost", "err", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fn := range b.lost {
		fn()
	}
}

func (b *Bus) reconnected(*nats.Conn) {
	b.log.Info("bus: connected again")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fn := range b.again {
		fn()
	}
}

// Alone says whether the bus is inside this process, where nobody else can listen.
func (b *Bus) Alone() bool { return b.server != nil }

// Healthy says whether the bus is connected just now.
func (b *Bus) Healthy() bool { return b.conn.IsConnected() }

// Publish sends data to all subscriptions on subject. It does not wait and does not know who listens.
// data may be used again once it returns.
func (b *Bus) Publish(subject string, data []byte) error {
	return explain(b.conn.Publish(subject, data))
}

// Flush waits until the server has seen everything that was published before.
func (b *Bus) Flush(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok { // NATS insists on one
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	return explain(b.conn.FlushWithContext(ctx))
}

// Request sends data and waits for the first answer. It is Unavailable if nobody listens on subject.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m, err := b.conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, explain(err)
	}
	return m.Data, nil
}

// Message is what a subscription's function gets. Data belongs to the function.
type Message struct {
	Subject string
	Data    []byte
	Reply   string // subject of the answer; empty: none is wanted

	conn *nats.Conn
}

// Respond answers a request. It is an error if none is wanted.
func (m Message) Respond(data []byte) error {
	if m.Reply == "" {
		return fmt.Errorf("bus: the message on %s wants no answer", m.Subject)
	}
	return explain(m.conn.Publish(m.Reply, data))
}

// Sub is a running subscription.
type Sub struct{ sub *nats.Subscription }

// Subscribe calls fn for each message on subject, one at a time and in order, on a goroutine of the
// subscription. In subject, "*" stands for one word between dots and a last ">" for any rest. Once it
// returns, whatever is published on this Bus is received; for other nodes, Flush first.
func (b *Bus) Subscribe(subject string, fn func(Message)) (*Sub, error) {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		fn(Message{Subject: m.Subject, Data: m.Data, Reply: m.Reply, conn: b.conn})
	})
	if err != nil {
		return nil, explain(err)
	}
	if err := sub.SetPendingLimits(MaxPending, MaxPendingBytes); err != nil {
		return nil, explain(err)
	}
	return &Sub{sub}, nil
}

// Close ends the subscription. What waits is not delivered any more; a call that runs already may
// finish later. Closing twice, or after the bus, does nothing.
func (s *Sub) Close() { _ = s.sub.Unsubscribe() }

// Dropped is the number of messages that the subscription lost because its function was too slow.
func (s *Sub) Dropped() int {
	n, _ := s.sub.Dropped()
	return n
}

// explain makes an error of NATS what callers can act on.
func explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, nats.ErrNoResponders):
		return fault.Down("nobody answers").Because(err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrStaleConnection):
		return fault.Down("the bus is not available").Because(err)
	}
	return err
}
