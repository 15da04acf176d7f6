package ingest

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// rawClient speaks RTMP by hand, past the handshake.
type rawClient struct {
	nc     net.Conn
	chunks *chunkReader
}

func dialClient(t *testing.T, s *testServer) *rawClient {
	t.Helper()
	nc := dialRaw(t, s)
	nc.SetDeadline(time.Now().Add(patience))
	src := newSource(nc, time.Now)
	if err := makeHandshake(src, nc); err != nil {
		t.Fatal(err)
	}
	return &rawClient{nc, newChunkReader(src)}
}

func (c *rawClient) send(t *testing.T, b []byte) {
	t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		t.Fatal(err)
	}
}

// next reads up to a message of the given kind.
func (c *rawClient) next(t *testing.T, kind byte) []byte {
	t.Helper()
	for {
		m, err := c.chunks.next()
		if err != nil {
			t.Fatalf("waiting for a message of kind %d: %v", kind, err)
		}
		if m.kind == kind {
			return m.payload
		}
	}
}

// reply reads up to the command called name.
func (c *rawClient) reply(t *testing.T, name string) []any {
	t.Helper()
	for {
		v, err := decodeAMF(c.next(t, msgCommandAMF0))
		if err != nil {
			t.Fatal(err)
		}
		if v[0] == name {
			return v
		}
	}
}

func amf3(values ...any) []byte {
	return raw(msgCommandAMF3, "\x00"+string(appendAMF(nil, values...)))
}

func TestCommandsInAnAMF3Wrapper(t *testing.T) {
	s := startServer(t, nil)
	c := dialClient(t, s)
	c.send(t, join(amf3("connect", 1.0, amfObject{{"app", "app/"}, {"objectEncoding", 3.0}}), amf3("createStream", 2.0, nil),
		amf3("publish", 3.0, nil, goodKey, "live")))
	if v := c.reply(t, "_result"); v[1] != 1.0 || v[3].(amfObject).text("code") != "NetConnection.Connect.Success" {
		t.Errorf("connect: %v", v)
	}
	if v := c.reply(t, "_result"); v[1] != 2.0 || v[3] != float64(messageStreamID) {
		t.Errorf("createStream: %v", v)
	}
	if v := c.reply(t, "onStatus"); v[3].(amfObject).text("code") != codeStart {
		t.Errorf("publish: %v", v)
	}
	s.gate.next(t)
}

func TestCustomaryCommandsAreAnswered(t *testing.T) {
	s := startServer(t, nil)
	c := dialClient(t, s)
	c.send(t, join(command("connect", 1.0, amfObject{{"app", "app"}}), command("releaseStream", 2.0, nil, goodKey),
		command("FCPublish", 3.0, nil, goodKey), command("getStreamLength", 4.0, nil, goodKey), command("nobodyKnowsThis", 5.0, nil)))
	for _, want := range []struct {
		name string
		txn  float64
	}{{"_result", 1}, {"_result", 2}, {"onFCPublish", 0}, {"_result", 4}, {"_error", 5}} {
		if v := c.reply(t, want.name); v[1] != want.txn {
			t.Errorf("%s: got transaction %v, want %v", want.name, v[1], want.txn)
		}
	}
}

func TestPingsAreAnswered(t *testing.T) {
	s := startServer(t, nil)
	c := dialClient(t, s)
	c.send(t, raw(msgUserControl, "\x00\x06abcd"))
	if got := string(c.next(t, msgUserControl)); got != "\x00\x07abcd" {
		t.Errorf("answer: %q", got)
	}
}

func TestReceiptIsAcknowledged(t *testing.T) {
	s := startServer(t, nil)
	c := dialClient(t, s)
	c.send(t, join(raw(msgWindowAck, string(be32(100_000))), published()[len(hello()):]))
	filler := videoFrame(0, append([]byte{0x41}, make([]byte, 30_000)...))
	for range 4 {
		c.send(t, raw(msgVideo, string(filler)))
	}
	if n := binary.BigEndian.Uint32(c.next(t, msgAck)); n < 100_000 || n > 140_000 {
		t.Errorf("acknowledged: %d", n)
	}
}

func TestAggregatesAreTakenApart(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	publishSome(t, p, 1)
	var b []byte
	for i, tag := range []FLVTag{vid(5000, videoFrame(0, idr)), aud8(5010, audioFrame(1)), vid(5033, videoFrame(0, slice))} {
		b = append(b, tag.Kind)
		b = appendUint24(b, uint32(len(tag.Data)))
		b = appendUint24(b, tag.Timestamp)
		b = append(b, 0, 0, 0, 0)
		b = append(b, tag.Data...)
		if i < 2 { // the last back pointer is left out by some
			b = append(b, be32(uint32(11+len(tag.Data)))...)
		}
	}
	if err := p.send(csVideo, message{kind: msgAggregate, stream: 1, timestamp: 40, payload: b}); err != nil {
		t.Fatal(err)
	}
	frames := a.frames.atLeast(t, 5)[2:]
	origin := a.frames.atLeast(t, 1)[0].DTS
	for i, want := range []int64{40, 50, 73} {
		if got := (frames[i].DTS - origin).Milliseconds(); got != want {
			t.Errorf("frame %d at %d ms, want %d", i, got, want)
		}
	}
}

func TestRTMPS(t *testing.T) {
	cert := httptest.NewTLSServer(nil) // only for its certificate
	defer cert.Close()
	s := startServer(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(tls.NewListener(ln, &tls.Config{Certificates: cert.TLS.Certificates})) }()
	defer func() { <-served }()
	defer ln.Close()
	trust := cert.Client().Transport.(*http.Transport).TLSClientConfig
	p, err := DialPublish(t.Context(), "rtmps://"+ln.Addr().String()+"/app/"+goodKey, PublishOptions{TLS: trust})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	a := s.gate.next(t)
	if a.Protocol != "RTMPS" || !a.Encrypted {
		t.Errorf("publisher: %s, encrypted %v", a.Protocol, a.Encrypted)
	}
	publishSome(t, p, 2)
	a.frames.atLeast(t, 4)
	_, err = DialPublish(t.Context(), "rtmps://"+ln.Addr().String()+"/app/othersecretsecret", PublishOptions{TLS: trust})
	wantRefused(t, err, codeBadName, "unknown stream key")
}
