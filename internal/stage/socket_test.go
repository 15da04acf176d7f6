package stage_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/stage"
)

func TestMuteIsToldToEverybody(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join(n.token("ann")), n.join(n.token("bob"))
	ann.until(func() bool { return len(ann.here) == 2 })
	ann.send(`{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`)
	for _, c := range []*client{ann, bob} {
		c.until(func() bool { return c.here["ann"].AudioMuted && !c.here["ann"].VideoStopped })
	}
	ann.send(`{"type":"MUTE","payload":{"videoStopped":true}}`)
	bob.until(func() bool { return !bob.here["ann"].AudioMuted && bob.here["ann"].VideoStopped })
}

func TestOneWhoComesBackJoinsAgain(t *testing.T) {
	n := newNode(t)
	looker := n.join(n.token("looker"))
	for range 3 {
		ann := n.join(n.token("ann"))
		looker.until(func() bool { return looker.here["ann"].ID != "" })
		ann.send(`{"type":"LEAVE"}`)
		ann.wantEnd(websocket.StatusNormalClosure)
		looker.until(func() bool { return looker.here["ann"].ID == "" })
	}
}

func TestFramesThatAreNoneEndTheSocket(t *testing.T) {
	n := newNode(t)
	for name, frames := range map[string][]string{
		"no JSON":                {"hello"},
		"no type":                {`{"payload":{}}`},
		"a type that is no word": {`{"type":7}`},
		"a broken MUTE":          {`{"type":"MUTE","payload":{"audioMuted":"yes"}}`},
		"too long":               {`{"type":"PING","payload":"` + strings.Repeat("x", stage.MaxClientFrame) + `"}`},
		"too many": func() (all []string) {
			for range 2 * stage.MaxFrameRate {
				all = append(all, `{"type":"PONG"}`)
			}
			return all
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			c := n.join(n.token("ann"))
			for _, f := range frames {
				_ = c.ws.Write(t.Context(), websocket.MessageText, []byte(f)) // it may be closed meanwhile
			}
			c.wantEnd(websocket.StatusPolicyViolation)
		})
	}
	c := n.join(n.token("ann"))
	check(t, c.ws.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"PING"}`)))
	c.wantEnd(websocket.StatusPolicyViolation)
	c = n.join(n.token("ann"))
	c.send(`{"type":"SOMETHING_NEW","payload":[1,2]}`)
	c.send(`{"type":"PING"}`)
	for c.read().Type != "PONG" {
	}
}

// A crowd is told of in few frames, and all of them end with the same picture.
func TestCrowdIsToldOfInFewFrames(t *testing.T) {
	n := newNode(t)
	const crowd = 40
	first := n.join(n.token("first"))
	var tokens []string
	for i := range crowd {
		tokens = append(tokens, n.token(fmt.Sprint("guest", i)))
	}
	clients := make([]*client, crowd)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() { clients[i] = n.join(tokens[i]) })
	}
	wg.Wait()
	frames := 0
	first.until(func() bool { frames++; return len(first.here) == crowd+1 })
	if most := 3 + int(time.Since(began)/(90*time.Millisecond)); frames > most {
		t.Errorf("%d frames told of %d arrivals, want %d at most", frames, crowd, most)
	}
	for _, c := range clients {
		c.until(func() bool { return len(c.here) == crowd+1 })
		if diff := cmp.Diff(first.here, c.here); diff != "" {
			t.Fatalf("pictures differ:\n%s", diff)
		}
	}
}

func TestParticipantsBeyondTheListAreCountedUntilTheyPublish(t *testing.T) {
	n := newNode(t)
	const list = 20
	n.m.List(list)
	n.publish(n.token("host"))
	for i := range list {
		sub, err := n.m.Subscribe(t.Context(), request(n.token(fmt.Sprint("guest", i)), "host"))
		check(t, err)
		p := newPeer(sub.Ended)
		sub.Start(nil, p)
		t.Cleanup(func() { p.Close(context.Canceled); <-p.gone })
	}
	others := 0
	c, _ := n.dial(n.stage, n.token("late"))
	f := c.read()
	if f.Type != "STAGE_STATE" || len(c.here) != list+2 || f.Payload.Others == nil || *f.Payload.Others != 1 || c.here["late"].ID == "" {
		t.Fatalf("%d are listed, others: %v", len(c.here), f.Payload.Others)
	}
	later := n.join(n.token("later"))
	c.until(func() bool {
		f := c.read()
		if f.Payload.Others != nil {
			others = *f.Payload.Others
		}
		return others == 2
	})
	if _, known := c.here["later"]; known {
		t.Error("the list is longer than it should be")
	}
	n.publish(n.token("later"))
	c.until(func() bool { return c.here["later"].IsPublishing })
	later.until(func() bool { return later.here["later"].IsPublishing })
}

// The number in a state may be newer than what the others were told last.
func TestNewcomersHearWhenTheirNumberOfOthersIsNotTrueAnyMore(t *testing.T) {
	n := newNode(t)
	n.m.List(0)
	first := n.join(n.token("first"))
	second, _ := n.dial(n.stage, n.token("second"))
	others := *second.read().Payload.Others
	first.send(`{"type":"LEAVE"}`)
	for others != 1 {
		if f := second.read(); f.Payload.Others != nil {
			others = *f.Payload.Others
		}
	}
}

// A client that does not read is cut, and holds up nobody.
func TestSocketThatDoesNotReadIsCut(t *testing.T) {
	n := newNode(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.srv.URL, "http://"))
	check(t, err)
	defer conn.Close()
	check(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET /stage-events/%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", arn.ID(n.stage), n.token("deaf"))
	check(t, err)
	eventually(t, "it is in", func() bool { return n.metric("sockets") == 1 })
	other := n.join(n.token("other"))
	big := []byte(`{"type":"NEW","payload":{"reason":"` + strings.Repeat("x", 256<<10) + `"}}`)
	for sent := 0; n.metric("sockets_dropped_total") == 0; sent++ {
		if sent > 1000 {
			t.Fatal("it is not cut")
		}
		n.m.Broadcast(big)
		for other.read().Type != "NEW" {
		}
	}
	eventually(t, "it is gone", func() bool { return n.metric("sockets") == 1 })
}
