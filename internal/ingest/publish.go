package ingest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// PublishOptions are for DialPublish; the zero value is fine.
type PublishOptions struct {
	TLS       *tls.Config // for rtmps addresses; nil is the default configuration
	ChunkSize int         // of what we send; default 64 KiB
	Timeout   time.Duration
	Encoder   string // what onMetaData calls us; default "StreamCat"
}

// PublishRefused is the server's answer to a publisher it does not want, or wants no more.
type PublishRefused struct{ Code, Description string }

func (e *PublishRefused) Error() string {
	return "publish refused: " + e.Description + " (" + e.Code + ")"
}

// PublishConn is a running publisher. The Write methods are for one goroutine; the others for any.
type PublishConn struct {
	nc      net.Conn
	src     *source
	chunks  *chunkReader
	size    int
	timeout time.Duration
	encoder string

	tracks map[int]*media.Track // whose configuration was sent
	done   chan struct{}        // closed when the server ended it, or Close did

	mu  sync.Mutex // writing
	out []byte

	errMu sync.Mutex
	err   error
}

// DialPublish connects to rtmp://host[:port]/app/<stream key> (or rtmps://) and begins to publish. When
// the server refuses, the error is a *PublishRefused. No error holds the key.
func DialPublish(ctx context.Context, address string, o PublishOptions) (*PublishConn, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "rtmp" && u.Scheme != "rtmps" {
		return nil, errors.New("ingest: malformed RTMP address")
	}
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return nil, errors.New("ingest: the RTMP address has no stream key")
	}
	app, name := path[:slash], path[slash+1:]
	if u.RawQuery != "" {
		name += "?" + u.RawQuery
	}
	if o.ChunkSize <= 0 {
		o.ChunkSize = 64 << 10
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Encoder == "" {
		o.Encoder = "StreamCat"
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	nc, err := dial(ctx, u, o.TLS)
	if err != nil {
		return nil, fmt.Errorf("ingest: connect to the RTMP server: %w", err)
	}
	p := &PublishConn{
		nc: nc, src: newSource(nc, time.Now), size: o.ChunkSize, timeout: o.Timeout, encoder: o.Encoder,
		tracks: map[int]*media.Track{}, done: make(chan struct{}),
	}
	p.chunks = newChunkReader(p.src)
	if err := p.open(ctx, u, app, name); err != nil {
		nc.Close()
		return nil, err
	}
	go p.listen()
	return p, nil
}

func dial(ctx context.Context, u *url.URL, conf *tls.Config) (net.Conn, error) {
	host, port := u.Hostname(), u.Port()
	if u.Scheme == "rtmps" {
		if port == "" {
			port = "443"
		}
		return (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}
	if port == "" {
		port = "1935"
	}
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

// open goes all the way from the handshake to the permission to publish.
func (p *PublishConn) open(ctx context.Context, u *url.URL, app, name string) error {
	stop := context.AfterFunc(ctx, func() { p.src.interrupt(ctx.Err()) })
	defer stop()
	if err := makeHandshake(p.src, p.nc); err != nil {
		return fmt.Errorf("ingest: RTMP handshake: %w", err)
	}
	if err := p.send(csControl, message{kind: msgSetChunkSize, payload: binary.BigEndian.AppendUint32(nil, uint32(p.size))}); err != nil {
		return err
	}
	server := u.Scheme + "://" + u.Host + "/" + app
	err := p.call(0, "connect", 1.0, append(amfObject{
		{"app", app}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (compatible; StreamCat)"}, {"tcUrl", server},
	}, exCapabilities(exCanEncode|exCanForward)...))
	if err == nil {
		err = p.await("_result", 1)
	}
	if err == nil {
		err = p.call(0, "releaseStream", 2.0, nil, name)
	}
	if err == nil {
		err = p.call(0, "FCPublish", 3.0, nil, name)
	}
	if err == nil {
		err = p.call(0, "createStream", 4.0, nil)
	}
	if err == nil {
		err = p.await("_result", 4)
	}
	if err == nil {
		err = p.call(messageStreamID, "publish", 5.0, nil, name, "live")
	}
	if err == nil {
		err = p.await("onStatus", 0)
	}
	return err
}

// await reads until the command called name comes; a refusal ends the waiting.
func (p *PublishConn) await(name string, txn float64) error {
	for {
		v, err := p.receive()
		if err != nil {
			return err
		}
		if len(v) >= 2 && v[0] == name && (name == "onStatus" || v[1] == txn) {
			return nil
		}
	}
}

// receive gives the next command of the server. A refusal is an error.
func (p *PublishConn) receive() ([]any, error) {
	for {
		m, err := p.chunks.next()
		if err != nil {
			return nil, err
		}
		switch m.kind {
		case msgUserControl:
			if len(m.payload) >= 6 && binary.BigEndian.Uint16(m.payload) == userPingRequest {
				pong := append([]byte{0, userPingResponse}, m.payload[2:6]...)
				if err := p.send(csControl, message{kind: msgUserControl, payload: pong}); err != nil {
					return nil, err
				}
			}
		case msgCommandAMF0:
			v, err := decodeAMF(m.payload)
			if err != nil {
				return nil, err
			}
			if len(v) >= 4 {
				if o, _ := v[3].(amfObject); o.text("level") == "error" {
					return nil, &PublishRefused{o.text("code"), o.text("description")}
				}
			}
			return v, nil
		}
	}
}

// listen hears what the server says while we publish.
func (p *PublishConn) listen() {
	defer close(p.done)
	for {
		if _, err := p.receive(); err != nil {
			p.errMu.Lock()
			p.err = err
			p.errMu.Unlock()
			p.nc.Close() // wakes a writer
			return
		}
	}
}

// Done is closed when the server has ended the stream, or Close was called.
func (p *PublishConn) Done() <-chan struct{} { return p.done }

// Err says why the stream ended, after Done; a *PublishRefused if the server gave a reason.
func (p *PublishConn) Err() error {
	p.errMu.Lock()
	defer p.errMu.Unlock()
	return p.err
}

// Close ends the stream in good order: it waits, but not long, for the server to have read everything.
func (p *PublishConn) Close() error {
	p.call(0, "FCUnpublish", 6.0, nil)
	p.call(0, "deleteStream", 7.0, nil, float64(messageStreamID))
	if half, ok := p.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		patience := time.AfterFunc(time.Second, func() { p.nc.Close() })
		defer patience.Stop()
		<-p.done
	}
	err := p.nc.Close()
	<-p.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *PublishConn) call(stream uint32, values ...any) error {
	return p.send(csCommand, message{kind: msgCommandAMF0, stream: stream, payload: appendAMF(nil, values...)})
}

func (p *PublishConn) send(cs byte, m message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := appendMessage(p.out[:0], cs, p.size, m)
	if err != nil {
		return err
	}
	p.out = b
	p.nc.SetWriteDeadline(time.Now().Add(p.timeout))
	_, err = p.nc.Write(b)
	return err
}
