package stage_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/sfu"
	"github.com/streamcat/streamcat/internal/stage"
)

// TestSubscribersAreToldOfLayers: in a gallery and by a subscription to one, over all that can change: what goes out by wish, a size
// that stops and comes again, another socket, and a picture of one size.
func TestSubscribersAreToldOfLayers(t *testing.T) {
	n := newNode(t)
	host := n.publishSizes(n.token("host"), 3)
	eve := n.token("eve", func(s *auth.Seat) { s.Publish = false })
	socket := n.join(eve)
	socket.want("host")
	socket.settle()
	n.gallery(eve, "7", 1, 1)
	n.screen(eve, "host") // whose session has no name here
	const all = "q h f: "
	socket.untilLayers(t, "7", "host", all+"f selected")
	socket.send(`{"type":"PREFER","payload":{"participantId":"host","maxWidth":640,"maxHeight":360}}`)
	socket.untilLayers(t, "7", "host", all+"h selected")
	host.come("q", "f")
	socket.untilLayers(t, "7", "host", "q f: q unavailable")
	host.come("q", "h", "f")
	socket.untilLayers(t, "7", "host", all+"h selected")

	other := n.join(eve) // displaces the first one, and knows nothing
	other.untilLayers(t, "7", "host", all+"h selected")
	other.send(`{"type":"PREFER","payload":{"participantId":"host"}}`)
	other.untilLayers(t, "", "host", all+"f selected") // over the other session

	host.Close(io.EOF)
	<-host.gone
	n.publish(n.token("host")).speak()
	single := n.publishSizes(n.token("host"), 3)
	single.come("q")
	other.untilLayers(t, "7", "host", "q: q unavailable")
}

// TestAPictureOfOneSizeHasNoLayers: whoever watches it is told nothing of them, though others come beside it.
func TestAPictureOfOneSizeHasNoLayers(t *testing.T) {
	n := newNode(t)
	n.publishSizes(n.token("plain"), 1)
	n.publishSizes(n.token("rich"), 3)
	eve := n.token("eve")
	socket := n.join(eve)
	socket.want("plain", "rich/audio")
	n.gallery(eve, "1", 2, 2)
	bob := n.token("bob")
	other := n.join(bob)
	other.want("rich")
	n.gallery(bob, "2", 1, 1)
	other.untilLayers(t, "2", "rich", "q h f: f selected") // by now eve would have heard, too
	socket.send(`{"type":"PING"}`)
	for f := socket.read(); f.Type != "PONG"; f = socket.read() {
		if f.Type == "LAYERS" {
			t.Errorf("told of %+v", f.Payload)
		}
	}
}

// TestAPictureBeginsAsItIsWished: with the smallest size where the line has room for all, and it grows then.
func TestAPictureBeginsAsItIsWished(t *testing.T) {
	n := newNode(t)
	n.publishSizes(n.token("host"), 3)
	first := n.join(n.token("first"))
	first.want("host")
	n.gallery(n.token("first"), "1", 1, 1)
	first.untilLayers(t, "1", "host", "q h f: f selected") // so all is known of it
	for initial, want := range map[string]int{"lowest": 401, "highest": 1301, "": 1301} {
		token := n.token("eve" + initial)
		socket := n.join(token)
		socket.send(`{"type":"SUBSCRIBE","payload":{"participants":[{"participantId":"host","video":true,"initial":"` + initial + `"}]}}`)
		socket.settle()
		g := n.gallery(token, "2", 0, 1)
		eventually(t, "a picture", func() bool { return g.tracks["v0"].packets() > 1 })
		if got := g.tracks["v0"].sliceSize(); got != want {
			t.Errorf("%q: the first picture has %d bytes, want %d", initial, got, want)
		}
		socket.untilLayers(t, "2", "host", "q h f: f selected")
	}
}

// sliceSize is how large the first packet of a picture was, without its parameter sets.
func (t *screenTrack) sliceSize() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.payloads[1])
}

// TestRatesAreHeld: sockets are told of rates with two digits, and of others only when they are much apart, and not at once.
func TestRatesAreHeld(t *testing.T) {
	news := stage.LayersNews()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	list := func(rate, frames int) []sfu.Layer {
		return []sfu.Layer{{Name: "q", Width: 320, Height: 180, Bitrate: 123_456, FrameRate: 30}, {Name: "f", Width: 1280, Height: 720, Bitrate: rate, FrameRate: frames}}
	}
	told := func(rate, frames int) []sfu.Layer {
		l := list(rate, frames)
		l[0].Bitrate = 120_000
		return l
	}
	for _, step := range []struct {
		name string
		pass time.Duration
		list []sfu.Layer
		want []sfu.Layer
	}{
		{"one size", 0, nil, nil},
		{"several", 0, list(1_549_999, 30), told(1_500_000, 30)},
		{"the same", time.Hour, list(1_549_999, 30), nil},
		{"a little more", time.Hour, list(1_840_000, 27), nil},
		{"much more", 0, list(1_960_000, 30), told(2_000_000, 30)},
		{"much less at once", 4 * time.Second, list(999, 30), nil},
		{"much less later", time.Second, list(999, 30), told(1000, 30)},
		{"fewer pictures", 5 * time.Second, list(1000, 26), told(1000, 26)},
		{"another list", 0, list(1000, 26)[:1], told(1000, 26)[:1]},
		{"another size", 0, []sfu.Layer{{Name: "q", Width: 180, Height: 320, Bitrate: 99, FrameRate: 30}}, []sfu.Layer{{Name: "q", Width: 180, Height: 320, Bitrate: 99, FrameRate: 30}}},
		{"one size again", 0, nil, []sfu.Layer{}},
	} {
		at = at.Add(step.pass)
		if diff := cmp.Diff(step.want, news(step.list, at)); diff != "" {
			t.Errorf("%s:\n%s", step.name, diff)
		}
	}
}
