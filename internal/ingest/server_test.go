package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// publishSome sends configurations and n pictures with sound.
func publishSome(t testing.TB, p *PublishConn, n int) {
	t.Helper()
	tags := []FLVTag{vid(0, videoConfig(avcRecord(4, sps180, pps))), aud8(0, audioConfig(aacLC))}
	for i := range n {
		tags = append(tags, vid(uint32(i*33), videoFrame(0, idr)), aud8(uint32(i*33), audioFrame(1, 2, 3)))
	}
	for _, tag := range tags {
		if err := p.WriteTag(tag); err != nil {
			t.Fatal(err)
		}
	}
}

// refusedAs waits for the end of a publisher and wants the server's reason.
func refusedAs(t *testing.T, p *PublishConn, code, text string) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatal("the publisher was left alone")
	}
	wantRefused(t, p.Err(), code, text)
}

func wantRefused(t *testing.T, err error, code, text string) {
	t.Helper()
	var r *PublishRefused
	if !errors.As(err, &r) || r.Code != code || !strings.Contains(r.Description, text) {
		t.Errorf("end: got %v, want %s with %q", err, code, text)
	}
}

func TestPublishAndLeave(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	publishSome(t, p, 10)
	a.frames.atLeast(t, 20)
	if n := s.metric(t, "streamcat_ingest_publishers", ""); n != 1 {
		t.Errorf("publishers: %v", n)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	frames, err := a.frames.all(t)
	if err != io.EOF || len(frames) != 20 {
		t.Errorf("end: %d frames, %v", len(frames), err)
	}
	checkTimeline(t, frames)
}

func TestWriteFrameCarriesFramesUnchanged(t *testing.T) {
	s := startServer(t, nil)
	first := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	publishSome(t, first, 5)
	second := dialGood(t, s, goodKey)
	b := s.gate.next(t)
	sent := a.frames.atLeast(t, 10)[:10]
	for _, f := range sent {
		if err := second.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range b.frames.atLeast(t, 10) {
		if !bytes.Equal(f.Payload, sent[i].Payload) || f.Key != sent[i].Key || f.DTS != sent[i].DTS || f.Track.Width != sent[i].Track.Width {
			t.Errorf("frame %d: got %+v, want %+v", i, f, sent[i])
		}
	}
	if e := b.stream.Info().Encoder; e != "StreamCat" {
		t.Errorf("encoder: %q", e)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	for _, c := range []struct {
		name, path       string
		gate             error
		code, text, kind string
	}{
		{"unknown key", "/app/nosecretsecret", nil, codeBadName, "unknown stream key", "unknown_key"},
		{"no key", "/app/?priority=1", nil, codeBadName, "the stream key is missing", "unknown_key"},
		{"wrong application", "/live/" + goodKey, nil, codeBadName, "must end in /app/", "app"},
		{"live elsewhere", "/app/" + goodKey, fault.InConflict("live elsewhere"), codeBadName, "live elsewhere", "key_in_use"},
		{"denied", "/app/" + goodKey, fault.AccessDenied("only RTMPS here"), codeDenied, "only RTMPS here", "denied"},
		{"quota", "/app/" + goodKey, fault.OverQuota(5, "5 streams at most"), codeDenied, "5 streams at most", "quota"},
		{"unavailable", "/app/" + goodKey, fault.Down("draining"), codeDenied, "draining", "unavailable"},
		{"an error that is no fault", "/app/" + goodKey, errors.New("disk full"), codeDenied, "an internal error occurred", "error"},
		{"priority of zero", "/app/" + goodKey + "?priority=0", nil, codeDenied, "from 1 to 2147483647", "priority"},
		{"priority of nonsense", "/app/" + goodKey + "?a=b&priority=high", nil, codeDenied, "from 1 to 2147483647", "priority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, nil)
			s.gate.refuseWith(c.gate)
			_, err := DialPublish(t.Context(), "rtmp://"+s.addr+c.path, PublishOptions{})
			wantRefused(t, err, c.code, c.text)
			if n := s.metric(t, "streamcat_ingest_refusals_total", c.kind); n != 1 {
				t.Errorf("refusals for %s: %v", c.kind, n)
			}
			if !strings.Contains(s.log.String(), "reason="+c.kind) {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
}

func TestNextGateIsAskedWhereTheKeyIsUnknown(t *testing.T) {
	other := newFakeGate()
	other.refuseWith(fault.Missing("unknown here"))
	s := startServer(t, func(d *RTMPDeps) { d.Gates = append([]media.Gate{other}, d.Gates...) })
	dialGood(t, s, goodKey+"?priority=3&x=y")
	if a := s.gate.next(t); a.Priority != 3 || a.Key != goodKey {
		t.Errorf("publisher: priority %d", a.Priority)
	}
	if n := other.asked(); n != 1 {
		t.Errorf("first gate was asked %d times", n)
	}
}

func TestBadMediaEndsTheStreamWithItsReason(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	if err := p.WriteTag(vid(0, []byte("\x90vvc1\x00"))); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, p, codeRejected, "the encoder sends VVC, use")
	if _, err := a.frames.all(t); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "VVC") {
		t.Errorf("stream ended with %v", err)
	}
	if n := s.metric(t, "streamcat_ingest_refusals_total", "codec"); n != 1 {
		t.Errorf("refusals: %v", n)
	}
}

func TestStopReachesASilentPublisher(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason error
		want   string
	}{
		{"with a fault", fault.AccessDenied("stopped by the owner"), "stopped by the owner"},
		{"with an error that is not to be shown", errors.New("lease lost on node 7"), "the stream was stopped"},
		{"without one", io.EOF, "the stream was stopped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, nil)
			p := dialGood(t, s, goodKey)
			s.gate.next(t).stream.Stop(c.reason)
			refusedAs(t, p, codeUnpublished, c.want)
		})
	}
}

func TestStopReachesABusyPublisher(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	publishSome(t, p, 1)
	a.frames.atLeast(t, 2)
	stop := time.AfterFunc(20*time.Millisecond, func() { a.stream.Stop(fault.AccessDenied("enough")) })
	defer stop.Stop()
	var err error
	for i := 0; err == nil; i++ {
		err = p.WriteTag(vid(uint32(i*33), videoFrame(0, idr)))
	}
	refusedAs(t, p, codeUnpublished, "enough")
}

func TestEncoderMayPublishAgainOnItsConnection(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	publishSome(t, p, 1)
	if err := p.call(0, "FCUnpublish", 6.0, nil); err != nil {
		t.Fatal(err)
	}
	if frames, err := a.frames.all(t); err != io.EOF || len(frames) != 2 {
		t.Fatalf("end: %d frames, %v", len(frames), err)
	}
	if err := p.call(messageStreamID, "publish", 7.0, nil, goodKey, "live"); err != nil {
		t.Fatal(err)
	}
	publishSome(t, p, 1)
	s.gate.next(t).frames.atLeast(t, 2)
}

func TestTwoPublishesAtOnceAreRefused(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	if err := p.call(messageStreamID, "publish", 7.0, nil, goodKey, "live"); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, p, codeBadName, "already publishes")
}

func TestPlayIsRefusedClearly(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	if err := p.call(messageStreamID, "play", 7.0, nil, "x"); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, p, codePlayFailed, "does not play")
}

func TestShutdownTellsPublishers(t *testing.T) {
	s := startServer(t, nil)
	p := dialGood(t, s, goodKey)
	a := s.gate.next(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, p, codeUnpublished, "going away")
	if _, err := a.frames.all(t); err != errLost {
		t.Errorf("stream ended with %v", err)
	}
	if _, err := DialPublish(t.Context(), s.url(goodKey), PublishOptions{}); err == nil {
		t.Error("a new publisher was let in")
	}
}

func TestShutdownDoesNotWaitForever(t *testing.T) {
	s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Linger = time.Hour })
	dialClient(t, s).send(t, published()[len(hello()):]) // this client does not listen
	s.gate.next(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Errorf("shutdown: %v", err)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		change       func(*RTMPDeps)
	}{
		{"in all", "connection_limit", func(d *RTMPDeps) { d.MaxConns = 1 }},
		{"per address", "address_limit", func(d *RTMPDeps) { d.MaxPerIP = 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, c.change)
			first := dialGood(t, s, goodKey)
			if _, err := DialPublish(t.Context(), s.url(goodKey), PublishOptions{}); err == nil {
				t.Error("a second connection was let in")
			}
			if n := s.metric(t, "streamcat_ingest_refusals_total", c.reason); n != 1 {
				t.Errorf("refusals: %v", n)
			}
			first.Close()
			// The place is free a moment after the client has gone.
			s.drained()
			dialGood(t, s, goodKey)
		})
	}
}

func TestSilenceIsCut(t *testing.T) {
	const short = 50 * time.Millisecond // of the one wait that is meant: a busy machine takes its time for all others
	closed := func(t *testing.T, nc net.Conn) {
		t.Helper()
		nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection stayed")
		}
	}
	t.Run("before the handshake", func(t *testing.T) {
		s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Handshake = short })
		nc := dialRaw(t, s)
		nc.Write([]byte{3, 1, 2})
		closed(t, nc)
	})
	t.Run("before publishing, however busy", func(t *testing.T) {
		s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Publish = short })
		nc := dialRaw(t, s)
		if err := makeHandshake(newSource(nc, time.Now), nc); err != nil {
			t.Fatal(err)
		}
		go func() {
			ping, _ := appendMessage(nil, csControl, 128, message{kind: msgAck, payload: be32(1)})
			for {
				if _, err := nc.Write(ping); err != nil {
					return
				}
			}
		}()
		closed(t, nc)
	})
	t.Run("while publishing", func(t *testing.T) {
		s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Idle = short })
		p := dialGood(t, s, goodKey)
		refusedAs(t, p, codeUnpublished, "nothing was received")
		if _, err := s.gate.next(t).frames.all(t); err != errLost {
			t.Errorf("stream ended with %v", err)
		}
	})
	t.Run("by a cut line", func(t *testing.T) {
		s := startServer(t, nil)
		p := dialGood(t, s, goodKey)
		a := s.gate.next(t)
		p.nc.Close()
		if _, err := a.frames.all(t); err != errLost {
			t.Errorf("stream ended with %v", err)
		}
	})
}

func dialRaw(t testing.TB, s *testServer) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func TestAddressesThatCannotBeDialledShowNoKey(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1/app/secretsecret", "rtmp:///app/secretsecret", "rtmp://127.0.0.1:1/app/secretsecret",
		"rtmp://127.0.0.1/secretsecret", "rtmp://127.0.0.1:x/app/secretsecret", "rtmps://127.0.0.1:1/app/secretsecret",
	} {
		_, err := DialPublish(t.Context(), address, PublishOptions{Timeout: time.Second})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
