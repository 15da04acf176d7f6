package stage_test

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
)

// wall is a gallery that a test plays.
type wall struct {
	*peer
	sub    rtc.Subscription
	tracks map[string]*screenTrack // by mid: a0, a1, … and v0, v1, …
}

// hang opens a gallery with so many outlets, up to where it could connect.
func (n *node) hang(token, origin string, audio, video int) *wall {
	n.t.Helper()
	r := request(token, "")
	r.Origin, r.Audio, r.Video = origin, audio > 0, video > 0
	sub, err := n.m.Subscribe(n.t.Context(), r)
	check(n.t, err)
	g := &wall{peer: newPeer(sub.Ended), sub: sub, tracks: map[string]*screenTrack{}}
	var senders []rtc.Sender
	for i := range audio + video {
		t := &screenTrack{kind: rtc.Audio, mid: fmt.Sprintf("a%d", i)}
		if i >= audio {
			t.kind, t.mid = rtc.Video, fmt.Sprintf("v%d", i-audio)
		}
		g.tracks[t.mid] = t
		senders = append(senders, t)
	}
	sub.Start(senders, g.peer)
	n.t.Cleanup(func() { g.Close(io.EOF); <-g.gone })
	return g
}

// gallery opens one that is connected.
func (n *node) gallery(token, origin string, audio, video int) *wall {
	n.t.Helper()
	g := n.hang(token, origin, audio, video)
	g.sub.Connected()
	return g
}

// numbers gives the sequence numbers that came on a track.
func (t *screenTrack) numbers() (list []uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.headers {
		list = append(list, h.SequenceNumber)
	}
	return list
}

// want asks for participants: "ann" for sound and pictures, "ann/audio" or "ann/video" for one of them.
func (c *client) want(participants ...string) {
	c.t.Helper()
	list := []stage.Wish{}
	for _, p := range participants {
		id, kind, _ := strings.Cut(p, "/")
		list = append(list, stage.Wish{ParticipantID: id, Audio: kind != "video", Video: kind != "audio"})
	}
	text, err := json.Marshal(map[string]any{"type": "SUBSCRIBE", "payload": map[string]any{"participants": list}})
	check(c.t, err)
	c.send(string(text))
}

// slots reads on to the next SLOTS and gives it in short: "a0=ann v0=ann -bob/audio".
func (c *client) slots(session string) string {
	c.t.Helper()
	for {
		f := c.read()
		if f.Type != "SLOTS" {
			continue
		}
		if f.Payload.Session != session {
			c.t.Errorf("slots of session %q, want %q", f.Payload.Session, session)
		}
		words := []string{}
		for _, s := range f.Payload.Slots {
			if want := map[string]string{"a": "audio", "v": "video"}[s.Mid[:1]]; s.Kind != want {
				c.t.Errorf("a slot of %+v", s)
			}
			words = append(words, s.Mid+"="+s.ParticipantID)
		}
		slices.Sort(words)
		for _, s := range f.Payload.Waiting {
			if s.Mid != "" {
				c.t.Errorf("one who waits has a slot: %+v", s)
			}
			words = append(words, "-"+s.ParticipantID+"/"+s.Kind)
		}
		return strings.Join(words, " ")
	}
}

// settle waits until all that was sent has been acted on. What the server says meanwhile is not looked at.
func (c *client) settle() {
	c.t.Helper()
	c.send(`{"type":"PING"}`)
	for c.read().Type != "PONG" {
	}
}

func (c *client) wantSlots(session, want string) {
	c.t.Helper()
	if got := c.slots(session); got != want {
		c.t.Errorf("slots are %q, want %q", got, want)
	}
}
