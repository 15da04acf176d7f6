package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	srt "github.com/datarhei/gosrt"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	// SRTLatency is the least time that packets wait for lost ones to be sent again. Callers that ask for
	// more get it, up to srtMostLatency.
	SRTLatency     = 120 * time.Millisecond
	srtMostLatency = 10 * time.Second
	srtMostHeld    = 32 << 20 // bytes that one publisher's packets may take while they wait
	srtMostPackets = 1 << 15  // and how many there may be: gosrt counts payload, and an empty packet costs, too
)

// Passphrases finds the passphrase that the channel of a stream key has for SRT. The error for a key that
// nobody has is a NotFound fault that does not repeat it.
type Passphrases interface {
	Passphrase(ctx context.Context, streamKey string) (string, error)
}

// SRTDeps is what an SRT server needs. Only Gates and Passphrases must be set.
type SRTDeps struct {
	Gates         []media.Gate // asked in turn until one knows the key
	Passphrases   Passphrases
	Log           *slog.Logger
	Registerer    prometheus.Registerer // nil: metrics are kept nowhere
	MaxConns      int                   // callers at a time, those that are still refused included; default 4096
	MaxPerIP      int                   // callers of one address, or one IPv6 /64; 0 is no limit
	MaxHandshakes int                   // callers that are being let in at a time; default 64
	Now           func() time.Time
	Timeouts      SRTTimeouts
}

// SRTTimeouts bounds how long a caller may take. Zero values are the defaults.
type SRTTimeouts struct {
	Handshake time.Duration // for keys, gates and the caller's answer together; default 3 s, as long as libsrt waits
	Idle      time.Duration // without media while publishing; default 5 s, when libsrt gives a line up, too
	Confirm   time.Duration // without a confirmation of what we acknowledge; default 30 s
}

// SRTListener is a bound port.
type SRTListener struct{ ln srt.Listener }

// ListenSRT binds host:port. Nobody is answered before Serve.
func ListenSRT(addr string) (*SRTListener, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	conf := srt.DefaultConfig()
	conf.ReceiverLatency = SRTLatency
	conf.PeerIdleTimeout = 30 * time.Second // we are quicker, and know then that it was no goodbye
	conf.ListenerControl = ownPort
	host := ""
	if at.IP != nil {
		host = at.IP.String()
	}
	ln, err := srt.Listen("srt", net.JoinHostPort(host, fmt.Sprint(at.Port)), conf)
	if err != nil {
		return nil, err
	}
	return &SRTListener{ln}, nil
}

// Addr is where the port is.
func (l *SRTListener) Addr() net.Addr { return l.ln.Addr() }

// Close gives the port back and ends all connections on it. It may be called more than once.
func (l *SRTListener) Close() { l.ln.Close() }

// SRT is an SRT server for publishers that call it. MPEG transport streams are all it takes.
type SRT struct {
	deps    SRTDeps
	log     *slog.Logger
	metrics *metrics
	ctx     context.Context // of all handshakes: ends with Shutdown
	cancel  context.CancelFunc
	wg      sync.WaitGroup // callers

	mu        sync.Mutex
	closing   bool
	listeners map[*SRTListener]struct{}
	callers   map[*caller]struct{}
	perIP     map[netip.Prefix]int
	shaking   int                           // callers that are being let in
	again     map[peer]chan srt.ConnRequest // callers whose request is expected once more
}

// peer is one socket of a caller.
type peer struct {
	addr   string
	socket uint32
}

func peerOf(req srt.ConnRequest) peer { return peer{req.RemoteAddr().String(), req.PeerSocketId()} }

// NewSRT makes a server that serves nothing yet.
func NewSRT(d SRTDeps) *SRT {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.MaxConns <= 0 {
		d.MaxConns = 4096
	}
	if d.MaxHandshakes <= 0 {
		d.MaxHandshakes = 64
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Timeouts.Handshake <= 0 {
		d.Timeouts.Handshake = 3 * time.Second
	}
	if d.Timeouts.Idle <= 0 {
		d.Timeouts.Idle = 5 * time.Second
	}
	if d.Timeouts.Confirm <= 0 {
		d.Timeouts.Confirm = 30 * time.Second
	}
	s := &SRT{
		deps: d, log: d.Log, metrics: newMetrics(d.Registerer, "srt"), listeners: map[*SRTListener]struct{}{},
		callers: map[*caller]struct{}{}, perIP: map[netip.Prefix]int{}, again: map[peer]chan srt.ConnRequest{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve takes callers until Shutdown, and then returns ErrServerClosed. It closes l.
func (s *SRT) Serve(l *SRTListener) error {
	defer l.Close()
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	for {
		req, err := nextRequest(l.ln)
		switch {
		case err != nil:
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.listeners, l)
			if s.closing {
				return ErrServerClosed
			}
			return err
		case req == nil:
			s.metrics.refusals.WithLabelValues("bad_bytes").Inc()
		default:
			s.meet(req)
		}
	}
}

// meet takes a request in without waiting for anything.
func (s *SRT) meet(req srt.ConnRequest) {
	c := newCaller(s, req)
	s.mu.Lock()
	if again := s.again[c.peer]; again != nil {
		select { // under the lock, after which accept looks into the channel for the last time
		case again <- req:
		default:
		}
		s.mu.Unlock()
		return
	}
	r := s.add(c)
	s.mu.Unlock()
	if r != nil {
		c.refuse(req, r)
		return
	}
	s.metrics.accepted.Inc()
	s.metrics.connections.Inc()
	go func() {
		defer s.wg.Done()
		defer s.metrics.connections.Dec()
		defer s.remove(c)
		c.serve(s.ctx, req)
	}()
}

// add takes a caller in, or says why not. It wants the lock.
func (s *SRT) add(c *caller) *refusal {
	switch ip := network(c.remote); {
	case s.closing:
		return errGoingAway
	case len(s.callers) >= s.deps.MaxConns:
		return refuse("connection_limit", "", "there are too many publishers")
	case s.deps.MaxPerIP > 0 && s.perIP[ip] >= s.deps.MaxPerIP:
		return refuse("address_limit", "", "there are too many publishers from this address")
	case s.shaking >= s.deps.MaxHandshakes:
		return refuse("handshake_limit", "", "too many publishers begin at once")
	default:
		s.callers[c] = struct{}{}
		s.perIP[ip]++
		s.shaking++
		s.wg.Add(1)
		return nil
	}
}

// letIn says that a caller was let in or refused.
func (s *SRT) letIn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shaking--
}

func (s *SRT) remove(c *caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.callers, c)
	ip := network(c.remote)
	if s.perIP[ip]--; s.perIP[ip] <= 0 {
		delete(s.perIP, ip)
	}
}

// Shutdown takes no more callers, ends the streams of those that publish, and waits until they have left,
// or for ctx. Then it closes the ports.
func (s *SRT) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for c := range s.callers {
		c.end(errGoingAway)
	}
	s.mu.Unlock()
	s.cancel()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		l.Close()
	}
	return err
}
