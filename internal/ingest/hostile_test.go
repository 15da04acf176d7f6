package ingest

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hello is what a client sends up to the end of the handshake.
func hello() []byte {
	b := make([]byte, 1+2*handshakeSize)
	b[0] = handshakeVersion
	return b
}

func command(values ...any) []byte {
	b, err := appendMessage(nil, csCommand, defaultChunkSize, message{kind: msgCommandAMF0, payload: appendAMF(nil, values...)})
	if err != nil {
		panic(err)
	}
	return b
}

func raw(kind byte, payload string) []byte {
	b, err := appendMessage(nil, csCommand, defaultChunkSize, message{kind: kind, payload: []byte(payload)})
	if err != nil {
		panic(err)
	}
	return b
}

// published is all that a client sends until it may send media, and the media's configuration.
func published() []byte {
	return join(hello(), command("connect", 1.0, amfObject{{"app", "app"}}), command("createStream", 2.0, nil),
		command("publish", 3.0, nil, goodKey, "live"), raw(msgVideo, string(videoConfig(avcRecord(4, sps180, pps)))))
}

// hostile is a table of inputs that no encoder sends. It seeds the fuzzer, too.
func hostile() map[string]struct {
	in     []byte
	reason string // label of the refusal; "" where the client just leaves
} {
	r := rand.New(rand.NewPCG(3, 4))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	connected := join(hello(), command("connect", 1.0, amfObject{{"app", "app"}}))
	return map[string]struct {
		in     []byte
		reason string
	}{
		"nothing":                              {nil, ""},
		"half a handshake":                     {hello()[:900], ""},
		"HTTP":                                 {[]byte("GET /secretsecret HTTP/1.1\r\nHost: x\r\n\r\n"), "bad_bytes"},
		"TLS":                                  {[]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "bad_bytes"},
		"encrypted RTMPE":                      {append([]byte{6}, noise(handshakeSize)...), "bad_bytes"},
		"noise":                                {append([]byte{0}, noise(10000)...), "bad_bytes"},
		"a handshake only":                     {hello(), ""},
		"a nesting bomb":                       {join(hello(), raw(msgCommandAMF0, strings.Repeat("\x03\x00\x01a", 10000))), "bad_bytes"},
		"a broken command":                     {join(hello(), raw(msgCommandAMF0, "\x02\xff\xffsecretsecret")), "bad_bytes"},
		"an empty command":                     {join(hello(), raw(msgCommandAMF0, "")), ""},
		"a command of other types":             {join(hello(), command(1.0, "x", true)), ""},
		"connect without an object":            {join(hello(), command("connect", 1.0, nil)), ""},
		"publish before connect":               {join(hello(), command("publish", 1.0, nil, goodKey)), "bad_bytes"},
		"publish of a number":                  {join(connected, command("publish", 1.0, nil, 5.0)), "unknown_key"},
		"a flood of commands":                  {join(connected, []byte(strings.Repeat(string(command("x", 1.0)), maxCommands))), "bad_bytes"},
		"media without publish":                {join(connected, raw(msgVideo, "\x17\x01\x00")), ""},
		"a giant message":                      {join(hello(), chunk(0, 3, head0(0, 0xFFFFFF, msgCommandAMF0), "")), "bad_bytes"},
		"a giant chunk size, then a giant one": {join(hello(), raw(msgSetChunkSize, "\x7f\xff\xff\xff"), chunk(0, 3, head0(0, 0xFFFFFF, 20), "")), "bad_bytes"},
		"a giant frame":                        {join(published(), chunk(0, 6, head0(0, 0xFFFFFF, msgVideo), "")), "bad_bytes"},
		"a frame cut short":                    {join(published(), chunk(0, 6, head0(0, 8<<20, msgVideo), "\x17\x01")), ""},
		"frames of nonsense":                   {join(published(), raw(msgVideo, "\x17\x01\x00\x00\x00\xff\xff\xff\xff")), "bad_media"},
		"an aggregate cut short":               {join(published(), raw(msgAggregate, "\x09\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00")), "bad_bytes"},
		"metadata of nonsense":                 {join(published(), raw(msgDataAMF0, "\x02\x00\x0aonMetaData\x03\x00")), ""},
		"windows of nothing":                   {join(published(), raw(msgWindowAck, "\x00\x00\x00\x00"), raw(msgWindowAck, ""), raw(msgUserControl, "\x00\x06")), ""},
	}
}

func TestHostileInputIsRefused(t *testing.T) {
	s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Linger = 100 * time.Millisecond })
	healthy := dialGood(t, s, goodKey)
	h := s.gate.next(t)
	go func() { // admissions of hostile publishers
		for range s.gate.admitted {
		}
	}()
	t.Cleanup(func() { close(s.gate.admitted) })
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			before := 0.0
			if c.reason != "" {
				before = s.metric(t, "streamcat_ingest_refusals_total", c.reason)
			}
			nc := dialRaw(t, s).(*net.TCPConn)
			go func() {
				nc.Write(c.in)
				nc.CloseWrite()
			}()
			nc.SetReadDeadline(time.Now().Add(patience))
			answer, err := io.ReadAll(nc)
			if os.IsTimeout(err) {
				t.Fatal("the connection stayed")
			}
			if strings.Contains(string(answer), "secretsecret") && !strings.HasPrefix(string(c.in), "\x03") {
				t.Error("the answer quotes the input")
			}
			if c.reason != "" {
				if n := s.metric(t, "streamcat_ingest_refusals_total", c.reason); n != before+1 {
					t.Errorf("refusals for %s: %v, before %v; log:\n%s", c.reason, n, before, s.log)
				}
			}
		})
	}
	publishSome(t, healthy, 3)
	h.frames.atLeast(t, 6)
}

func TestTruncatedPublishersLeaveNothingBehind(t *testing.T) {
	s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Linger = 100 * time.Millisecond })
	go func() {
		for range s.gate.admitted {
		}
	}()
	t.Cleanup(func() { close(s.gate.admitted) })
	s.settle(t)
	before := descriptors(t)
	whole := published()
	for n := 0; n < len(whole); n += 1 + n/50 {
		nc := dialRaw(t, s)
		if _, err := nc.Write(whole[:n]); err != nil {
			t.Fatal(err)
		}
		nc.Close()
	}
	s.settle(t)
	if n := descriptors(t); n > before {
		t.Errorf("open files: %d, before %d", n, before)
	}
}

// settle waits until all connections so far have come and gone, and checks that nothing is left of them.
func (s *testServer) settle(t testing.TB) {
	t.Helper()
	// Connections are accepted in their order: when this one is served, all before it were.
	dialGood(t, s, goodKey).Close()
	s.drained()
	for _, name := range []string{"streamcat_ingest_connections", "streamcat_ingest_publishers"} {
		if n := s.metric(t, name, ""); n != 0 {
			t.Errorf("%s: %v", name, n)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.conns) + len(s.perIP); n != 0 {
		t.Errorf("%d connections are still known", n)
	}
}

// drained waits until every connection that was accepted has ended.
func (s *testServer) drained() {
	// isClosing takes the lock under which the server counts a connection in: that orders this Wait with
	// what was counted before and what will be.
	s.isClosing()
	s.wg.Wait()
	s.isClosing()
}

// descriptors counts the open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}
