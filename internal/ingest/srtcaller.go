package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	srt "github.com/datarhei/gosrt"
	"github.com/datarhei/gosrt/packet"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	srtAnswer = time.Second            // within which a caller shows that it has heard our answer
	srtLook   = 250 * time.Millisecond // how often a running connection is looked at
	srtSettle = 5 * time.Millisecond   // and one that was just accepted
)

// srtCodes are the rejection codes of refusals: those of libsrt for what libsrt itself would refuse, the
// others from SRT's access control guidelines.
var srtCodes = map[string]srt.RejectionReason{
	"stream_id":        srt.REJX_BAD_REQUEST,
	"priority":         srt.REJX_BAD_REQUEST,
	"invalid":          srt.REJX_BAD_REQUEST,
	"mode":             srt.REJX_BAD_MODE,
	"media_type":       srt.REJX_NOTSUP_MEDIA,
	"handshake":        srt.REJ_ROGUE,
	"unknown_key":      srt.REJX_NOTFOUND,
	"passphrase":       srt.REJ_BADSECRET,
	"unencrypted":      srt.REJ_UNSECURE,
	"key_in_use":       srt.REJX_CONFLICT,
	"denied":           srt.REJX_FORBIDDEN,
	"quota":            srt.REJX_OVERLOAD,
	"connection_limit": srt.REJX_OVERLOAD,
	"address_limit":    srt.REJX_OVERLOAD,
	"handshake_limit":  srt.REJ_BACKLOG,
	"unavailable":      srt.REJX_DOWN,
	"shutdown":         srt.REJX_DOWN,
	"error":            srt.REJX_ISE,
}

// caller is one caller, from its request to its end.
type caller struct {
	server    *SRT
	peer      peer
	remote    netip.AddrPort
	encrypted bool

	began   time.Time
	stream  *media.Stream
	ts      *tsReader
	counted struct{ videos, audios int64 }

	mu     sync.Mutex
	conn   srt.Conn // nil before it is accepted
	reason error    // why it was ended from this side; nil while it was not
}

func newCaller(s *SRT, req srt.ConnRequest) *caller {
	c := &caller{server: s, peer: peerOf(req), encrypted: req.IsEncrypted()}
	if a, ok := req.RemoteAddr().(*net.UDPAddr); ok && a != nil {
		at := a.AddrPort()
		c.remote = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return c
}

// serve runs a caller to its end.
func (c *caller) serve(ctx context.Context, req srt.ConnRequest) {
	if !c.letIn(ctx, req) {
		return
	}
	defer c.conn.Close()
	m := c.server.metrics
	m.publishers.Inc()
	defer m.publishers.Dec()
	var stats srt.Statistics
	c.conn.Stats(&stats)
	c.server.log.Info("srt: publishing", "remote", c.remote, "encrypted", c.encrypted,
		"latency_ms", stats.Instantaneous.MsRecvTsbPdDelay)

	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { c.watch(stop) })
	err := c.read()
	c.conn.Stats(&stats)
	close(stop)
	watching.Wait()

	r := refusalOf(err, true)
	if r == nil {
		c.stream.Close()
	} else {
		if r.label != "stopped" {
			m.refusals.WithLabelValues(r.label).Inc()
		}
		c.stream.Stop(ending(r))
		attrs := []any{"remote", c.remote, "reason", r.label, "message", r.text}
		if r.cause != nil {
			attrs = append(attrs, "cause", r.cause)
		}
		c.server.log.Info("srt: connection ended", attrs...)
	}
	c.server.log.Info("srt: publisher left", "remote", c.remote, "seconds", seconds(c.server.deps.Now().Sub(c.began)),
		"video", c.ts.videos, "audio", c.ts.audios, "skipped", c.ts.skipped,
		"packets", stats.Accumulated.PktRecv, "missed", stats.Accumulated.PktRecvLoss, "sent_again", stats.Accumulated.PktRecvRetrans)
}

// letIn takes a caller from its request to a stream and a connection, and says whether it got there.
func (c *caller) letIn(ctx context.Context, req srt.ConnRequest) bool {
	defer c.server.letIn()
	ctx, cancel := context.WithTimeout(ctx, c.server.deps.Timeouts.Handshake)
	defer cancel()
	passphrase, r := c.admit(ctx, req)
	if r != nil {
		c.refuse(req, r)
		return false
	}
	err := c.accept(ctx, req, passphrase)
	if err != nil {
		c.stream.Stop(errLost)
		c.server.metrics.refusals.WithLabelValues("timeout").Inc()
		c.server.log.Info("srt: connection refused", "remote", c.remote, "reason", "timeout", "message", err)
		return false
	}
	c.began = c.server.deps.Now()
	c.ts = newTSReader(c.stream)
	return true
}

// refuse tells the log and the metrics, and then the caller: who is refused finds why written down already.
func (c *caller) refuse(req srt.ConnRequest, r *refusal) {
	code := srtCodes[r.label]
	if code == 0 {
		code = srt.REJX_ISE
	}
	defer req.Reject(code)
	c.server.metrics.refusals.WithLabelValues(r.label).Inc()
	attrs := []any{"remote", c.remote, "reason", r.label, "message", r.text, "code", int(code)}
	if r.cause != nil {
		attrs = append(attrs, "cause", r.cause)
	}
	level := slog.LevelInfo
	if strings.HasSuffix(r.label, "_limit") {
		level = slog.LevelDebug // a flood is no news after its first line
	}
	c.server.log.Log(context.Background(), level, "srt: connection refused", attrs...)
}

// admit decides on a request. It gives the passphrase of an encrypted one.
func (c *caller) admit(ctx context.Context, req srt.ConnRequest) (passphrase string, _ *refusal) {
	if !plausible(req) {
		return "", refuse("handshake", "", "the announced packet size is out of bounds")
	}
	if req.Version() < 5 {
		return "", refuse("stream_id", "", "the encoder's SRT is too old to send a stream id: use version 1.4.1 or later")
	}
	id, r := parseSRTID(req.StreamId())
	if r != nil {
		return "", r
	}
	if c.encrypted {
		var err error
		if passphrase, err = c.server.deps.Passphrases.Passphrase(ctx, id.key); err != nil {
			return "", notAdmitted(err)
		}
		if !unlock(req, passphrase) {
			return "", refuse("passphrase", "", "the passphrase is wrong")
		}
	}
	var err error
	c.stream, err = admit(ctx, c.server.deps.Gates, media.Publisher{
		Protocol: "SRT", App: "srt", Key: id.key, Priority: id.priority, Remote: c.remote, Encrypted: c.encrypted,
	})
	if err != nil {
		r := notAdmitted(err)
		if r.label == "denied" && !c.encrypted {
			r.label = "unencrypted"
		}
		return "", r
	}
	return passphrase, nil
}

// accept answers the request and waits until the caller has heard it. gosrt answers once: if that is lost,
// and the caller asks again, it hears nothing. So a connection on which nothing is heard is given up and the
// request, which comes again, answered anew.
func (c *caller) accept(ctx context.Context, req srt.ConnRequest, passphrase string) error {
	again := make(chan srt.ConnRequest, 1)
	c.server.mu.Lock()
	c.server.again[c.peer] = again
	c.server.mu.Unlock()
	defer func() {
		c.server.mu.Lock()
		delete(c.server.again, c.peer)
		c.server.mu.Unlock()
		select {
		case late := <-again:
			late.Reject(srt.REJ_CLOSE) // or gosrt remembers it for good
		default:
		}
	}()
	for {
		conn, err := req.Accept()
		if err != nil {
			return errors.New("the connection could not be made")
		}
		var stats srt.Statistics
		conn.Stats(&stats)
		if stats.Instantaneous.MsRecvTsbPdDelay > uint64(srtMostLatency.Milliseconds()) {
			conn.Close()
			return errors.New("the encoder asks for a latency of more than ten seconds")
		}
		if heard(ctx, conn) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.conn = conn; c.reason != nil {
				conn.Close()
			}
			return nil
		}
		conn.Close()
		select {
		case req = <-again:
			if c.encrypted && !unlock(req, passphrase) {
				req.Reject(srt.REJ_BADSECRET)
				return errors.New("the encoder changed its mind about the passphrase")
			}
		case <-ctx.Done():
			return errors.New("the encoder did not answer")
		}
	}
}

// heard waits for a sign that the caller knows of its connection: data, or a confirmed acknowledgement, of
// which the first moves the round-trip time away from its initial guess.
func heard(ctx context.Context, conn srt.Conn) bool {
	var stats srt.Statistics
	conn.Stats(&stats)
	guess := stats.Instantaneous.MsRTT
	look := time.NewTicker(srtSettle)
	defer look.Stop()
	late := time.NewTimer(srtAnswer)
	defer late.Stop()
	for {
		select {
		case <-look.C:
			conn.Stats(&stats)
			if stats.Accumulated.PktRecv > 0 || stats.Instantaneous.MsRTT != guess {
				return true
			}
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// end makes the reading goroutine come back with a reason. The first one stays.
func (c *caller) end(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return
	}
	c.reason = reason
	if c.conn != nil {
		c.conn.Close()
	}
}

// watch ends the connection when the stream is ended by somebody else, when nothing comes, when too much waits,
// and when our acknowledgements stay unconfirmed: gosrt remembers each, a hundred a second, until that or a later one
// is confirmed.
func (c *caller) watch(stop <-chan struct{}) {
	look := time.NewTicker(srtLook)
	defer look.Stop()
	var stats srt.Statistics
	packets, since := uint64(0), time.Now()
	var confirmed confirmations
	for {
		select {
		case <-stop:
			return
		case <-c.stream.Done():
			c.end(stopped(c.stream.Err()))
			return
		case now := <-look.C:
			c.conn.Stats(&stats)
			if n := stats.Accumulated.PktRecv; n != packets {
				packets, since = n, now
			}
			unconfirmed := confirmed.missing(&stats, now)
			switch {
			case now.Sub(since) >= c.server.deps.Timeouts.Idle:
				c.end(refuse("timeout", codeUnpublished, "nothing was received for too long"))
				return
			case stats.Instantaneous.ByteRecvBuf > srtMostHeld || stats.Instantaneous.PktRecvBuf > srtMostPackets:
				c.end(refuse("held", codeRejected, "too much was sent ahead of its time"))
				return
			case unconfirmed >= c.server.deps.Timeouts.Confirm:
				c.end(refuse("unconfirmed", codeRejected, "the encoder does not confirm that it hears the server"))
				return
			}
		}
	}
}

// confirmations follows whether a caller confirms our acknowledgements (ACKACK, draft-sharabayko-srt-01 §3.2.5), which
// gosrt does not tell. They move the round-trip time, in which each is a measurement. So does an acknowledgement of the
// caller's, but we send nothing that it could acknowledge.
type confirmations struct {
	rtt   float64 // ms
	acks  uint64  // of the caller's
	since time.Time
}

// missing gives how long nothing that is new was confirmed. It is as long as the round-trip time at least, since whoever
// confirms only what is old has us remember all that is newer.
func (c *confirmations) missing(stats *srt.Statistics, now time.Time) time.Duration {
	rtt, acks := stats.Instantaneous.MsRTT, stats.Accumulated.PktRecvACK
	if c.since.IsZero() || rtt != c.rtt && acks == c.acks {
		c.since = now
	}
	c.rtt, c.acks = rtt, acks
	return max(now.Sub(c.since), time.Duration(rtt*float64(time.Millisecond)))
}

// read takes what comes until the connection ends. Its error is nil for the encoder's own goodbye.
func (c *caller) read() error {
	next, begun := uint32(0), false
	for {
		p, err := c.conn.ReadPacket()
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.reason != nil {
				return c.reason
			}
			if err == io.EOF {
				err = c.ts.end()
				c.count(0)
			}
			return err
		}
		if n := p.Header().PacketSequenceNumber; begun && n.Val() != next {
			c.ts.lost()
		}
		next, begun = p.Header().PacketSequenceNumber.Inc().Val(), true
		data := p.Data()
		if c.encrypted && p.Header().KeyBaseEncryptionFlag == packet.UnencryptedPacket {
			c.ts.lost() // anybody may have sent it; gosrt lets it pass
		} else {
			err = c.ts.feed(data, c.server.deps.Now())
		}
		c.count(len(data))
		p.Decommission()
		if err != nil {
			if c.stream.Err() != nil {
				return stopped(c.stream.Err())
			}
			return err
		}
	}
}

// count brings the metrics up to date.
func (c *caller) count(n int) {
	m := c.server.metrics
	m.bytes.Add(float64(n))
	if d := c.ts.videos - c.counted.videos; d > 0 {
		m.video.Add(float64(d))
		c.counted.videos = c.ts.videos
	}
	if d := c.ts.audios - c.counted.audios; d > 0 {
		m.audio.Add(float64(d))
		c.counted.audios = c.ts.audios
	}
}
