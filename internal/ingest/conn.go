package ingest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	ourChunkSize     = 4096
	ourWindow        = 2_500_000 // bytes between acknowledgements, both ways, unless the peer asks for less
	smallestWindow   = 64 << 10  // a peer that asks for less would only make work
	maxCommands      = 128       // of one connection, between two publishes
	lingerBytes      = 32 << 20
	messageStreamID  = 1 // the only message stream we ever give
	userStreamBegin  = 0
	userPingRequest  = 6
	userPingResponse = 7
)

// conn is one connection of an encoder. All fields belong to its goroutine.
type conn struct {
	server    *RTMP
	nc        net.Conn
	src       *source
	chunks    *chunkReader
	remote    netip.AddrPort
	encrypted bool

	shaken    bool // the handshake is done: a refusal can be told
	connected bool // by the connect command, to app
	app       string
	appQuery  string
	commands  int

	window         uint64
	acked, counted uint64 // of src.total

	pub     *publication // nil while nothing is published
	began   time.Time
	unwatch func()

	out []byte // scratch for answers
}

func newConn(s *RTMP, nc net.Conn) *conn {
	src := newSource(nc, s.deps.Now)
	_, encrypted := nc.(interface{ Handshake() error })
	return &conn{
		server: s, nc: nc, src: src, chunks: newChunkReader(src), remote: remoteOf(nc),
		encrypted: encrypted, window: ourWindow,
	}
}

func remoteOf(nc net.Conn) netip.AddrPort {
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// serve runs the connection to its end.
func (c *conn) serve(ctx context.Context) {
	defer c.nc.Close()
	err := c.run(ctx)
	c.count()
	publishing := c.pub != nil
	r := refusalOf(err, publishing)
	if publishing {
		c.unpublish(ending(r))
	}
	if r == nil {
		if err != io.EOF && !publishing {
			c.server.log.Debug("rtmp: connection ended", "remote", c.remote, "error", err)
		}
		return
	}
	c.server.metrics.refusals.WithLabelValues(r.label).Inc()
	attrs := []any{"remote", c.remote, "reason", r.label, "message", r.text}
	if r.cause != nil {
		attrs = append(attrs, "cause", r.cause)
	}
	c.server.log.Info("rtmp: connection refused", attrs...)
	if c.shaken {
		c.tell(r)
	}
}

// tell sends the refusal and gives the peer a little time to read it: closing a socket that holds unread
// data would reset the connection and take our message along.
func (c *conn) tell(r *refusal) {
	if c.status("error", r.code, r.text) != nil {
		return
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.nc.SetReadDeadline(time.Now().Add(c.server.deps.Timeouts.Linger))
	io.Copy(io.Discard, io.LimitReader(c.nc, lingerBytes))
}

func (c *conn) run(ctx context.Context) error {
	c.src.until(c.server.deps.Timeouts.Handshake)
	if err := answerHandshake(c.src, c.write); err != nil {
		return err
	}
	c.shaken = true
	c.src.until(c.server.deps.Timeouts.Publish)
	for {
		m, err := c.chunks.next()
		if err != nil {
			return err
		}
		if err := c.handle(ctx, m); err != nil {
			return err
		}
		c.count()
		if c.src.total-c.acked >= c.window {
			c.acked = c.src.total
			if err := c.control(msgAck, binary.BigEndian.AppendUint32(nil, uint32(c.acked))); err != nil {
				return err
			}
		}
	}
}

// count brings the byte counter up to date.
func (c *conn) count() {
	c.server.metrics.bytes.Add(float64(c.src.total - c.counted))
	c.counted = c.src.total
}

func (c *conn) handle(ctx context.Context, m message) error {
	switch m.kind {
	case msgVideo, msgAudio, msgAggregate:
		if c.pub == nil {
			return nil // late frames of a publish that has ended
		}
		err := c.media(m)
		if err != nil && c.pub.stream.Err() != nil {
			return stopped(c.pub.stream.Err())
		}
		return err
	case msgDataAMF3, msgDataAMF0:
		if c.pub != nil {
			// Metadata that cannot be read is not worth a stream.
			values, _ := decodeAMF(amf0Part(m))
			c.pub.onData(values)
		}
	case msgCommandAMF3, msgCommandAMF0:
		values, err := decodeAMF(amf0Part(m))
		if err != nil {
			return badBytes("command cannot be read: " + err.Error())
		}
		return c.command(ctx, values)
	case msgWindowAck:
		if len(m.payload) >= 4 {
			c.window = max(uint64(binary.BigEndian.Uint32(m.payload)), smallestWindow)
		}
	case msgUserControl:
		if len(m.payload) >= 6 && binary.BigEndian.Uint16(m.payload) == userPingRequest {
			return c.control(msgUserControl, append([]byte{0, userPingResponse}, m.payload[2:6]...))
		}
	}
	return nil
}

// amf0Part gives the AMF0 values of a message: the AMF3 kinds have one byte before them.
func amf0Part(m message) []byte {
	if (m.kind == msgCommandAMF3 || m.kind == msgDataAMF3) && len(m.payload) > 0 && m.payload[0] == 0 {
		return m.payload[1:]
	}
	return m.payload
}

func (c *conn) media(m message) error {
	c.pub.since = c.src.since
	switch m.kind {
	case msgVideo:
		before := c.pub.videos
		err := c.pub.onVideo(m.payload, m.timestamp, c.src.arrived)
		c.server.metrics.video.Add(float64(c.pub.videos - before))
		return err
	case msgAudio:
		before := c.pub.audios
		err := c.pub.onAudio(m.payload, m.timestamp, c.src.arrived)
		c.server.metrics.audio.Add(float64(c.pub.audios - before))
		return err
	}
	return c.aggregate(m)
}

// aggregate takes a message apart that holds several FLV tags (section 7.1.6 of the RTMP specification).
func (c *conn) aggregate(m message) error {
	const head, tail = 11, 4
	var first uint32
	for b, n := m.payload, 0; len(b) >= head; n++ {
		size := int(uint24(b[1:]))
		if len(b) < head+size {
			return badBytes("aggregate message is cut short")
		}
		ts := uint24(b[4:]) | uint32(b[7])<<24
		if n == 0 {
			first = ts
		}
		body := b[head : head+size : head+size]
		if kind := b[0] & 0x1F; kind == msgVideo || kind == msgAudio {
			if err := c.media(message{kind, m.stream, m.timestamp + ts - first, body}); err != nil {
				return err
			}
		}
		b = b[min(head+size+tail, len(b)):]
	}
	return nil
}

// errLost ends the stream of an encoder that went without a word.
var errLost = fault.Down("the connection to the encoder was lost")

// ending says why a stream ends whose encoder did not unpublish it.
func ending(r *refusal) error {
	if r != nil && r.code == codeRejected {
		return fault.InvalidInput("%s", r.text)
	}
	return errLost
}

// unpublish ends the stream, if there is one. why is nil for the encoder's own leave, which alone is
// orderly: who follows the stream need not wait for that encoder to come back.
func (c *conn) unpublish(why error) {
	p := c.pub
	if p == nil {
		return
	}
	c.pub = nil
	c.unwatch()
	if why == nil {
		p.stream.Close()
	} else {
		p.stream.Stop(why)
	}
	c.server.metrics.publishers.Dec()
	c.server.log.Info("rtmp: publisher left", "remote", c.remote, "encoder", p.stream.Info().Encoder,
		"seconds", seconds(c.server.deps.Now().Sub(c.began)), "video", p.videos, "audio", p.audios, "skipped", p.early)
}

// watch calls the reading goroutine back when the stream is ended by somebody else. The function it
// gives stops watching and returns when the watcher has gone.
func (c *conn) watch(p *publication) (unwatch func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-p.stream.Done():
			c.src.interrupt(stopped(p.stream.Err()))
		case <-stop:
		}
	})
	return func() {
		close(stop)
		wg.Wait()
	}
}

func (c *conn) write(b []byte) error {
	c.nc.SetWriteDeadline(time.Now().Add(c.server.deps.Timeouts.Write))
	_, err := c.nc.Write(b)
	return err
}

func (c *conn) send(cs byte, m message) error {
	b, err := appendMessage(c.out[:0], cs, ourChunkSize, m)
	if err != nil {
		return err
	}
	c.out = b
	return c.write(b)
}

// control sends a message of the protocol itself.
func (c *conn) control(kind byte, payload []byte) error {
	return c.send(csControl, message{kind: kind, payload: payload})
}

// call sends a command on a message stream; 0 is the connection's own.
func (c *conn) call(stream uint32, values ...any) error {
	return c.send(csCommand, message{kind: msgCommandAMF0, stream: stream, payload: appendAMF(nil, values...)})
}

func (c *conn) status(level, code, text string) error {
	return c.call(messageStreamID, "onStatus", 0.0, nil, amfObject{
		{"level", level}, {"code", code}, {"description", text},
	})
}
