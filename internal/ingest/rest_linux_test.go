package ingest

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"
)

// restingPair gives both ends of a TCP connection, and the rester of one. asleep holds a token once it waits.
func restingPair(t *testing.T) (near, far net.Conn, r *rester, asleep chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	r = newRester(near)
	asleep = make(chan struct{}, 1)
	r.asleep = func(fd uintptr) bool {
		awake := r.fallAsleep(fd)
		if !awake {
			asleep <- struct{}{}
		}
		return awake
	}
	return near, far, r, asleep
}

func TestRestEnds(t *testing.T) {
	for name, end := range map[string]func(far net.Conn){
		"with the peer":     func(far net.Conn) { far.Close() },
		"with enough bytes": func(far net.Conn) { far.Write(make([]byte, restBytes)) },
	} {
		t.Run(name, func(t *testing.T) {
			near, far, r, asleep := restingPair(t)
			deadline := time.Now().Add(patience)
			near.SetReadDeadline(deadline)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				<-asleep
				end(far)
			}()
			if !r.rest() {
				t.Error("it did not rest, though there was nothing")
			}
			if !time.Now().Before(deadline) {
				t.Error("it rested to its deadline")
			}
			<-ended
		})
	}
}

func TestRestIsNotEndedByLittle(t *testing.T) {
	near, far, r, asleep := restingPair(t)
	ends := make(chan time.Time, 1)
	go func() {
		<-asleep
		if _, err := far.Write([]byte("little")); err != nil {
			t.Error(err)
		}
		end := time.Now().Add(50 * time.Millisecond)
		near.SetReadDeadline(end)
		ends <- end
	}()
	rested, ended := r.rest(), time.Now()
	if !rested {
		t.Error("it did not rest, though there was nothing")
	}
	if ended.Before(<-ends) {
		t.Error("six bytes ended a rest")
	}
	near.SetReadDeadline(time.Now().Add(patience))
	var b [6]byte
	if _, err := io.ReadFull(near, b[:]); err != nil || string(b[:]) != "little" {
		t.Errorf("after the rest: %q, %v", b, err)
	}

	// Now less than restBytes wakes a reader again, and with bytes there is no rest.
	if _, err := far.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(near, b[:2]); err != nil {
		t.Fatal(err)
	}
	if r.rest() {
		t.Error("it rested, though there were bytes")
	}
}

func TestWhatCanRest(t *testing.T) {
	near, _, _, _ := restingPair(t)
	if newRester(tls.Server(near, nil)) == nil {
		t.Error("a TLS connection cannot")
	}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if newRester(pipe) != nil || newRester(tls.Server(pipe, nil)) != nil {
		t.Error("a pipe can")
	}
}
