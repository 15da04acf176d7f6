package room_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/chatlog"
	"github.com/streamcat/streamcat/internal/room"
)

// tape is a Recorder that keeps everything in memory.
type tape struct {
	mu   sync.Mutex
	said []taped
}

type taped struct {
	room, kind, frame string
	configurations    []string
	received          time.Time
}

func (p *tape) Record(roomARN string, configurations []string, kind string, received time.Time, frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, taped{roomARN, kind, string(frame), slices.Clone(configurations), received})
}

func (p *tape) all() []taped {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// of gives what was recorded of a frame.
func (p *tape) of(frame string) (found []taped) {
	for _, s := range p.all() {
		if s.frame == frame {
			found = append(found, s)
		}
	}
	return found
}

func TestWhatClientsHearWasRecordedOnce(t *testing.T) {
	w, p := newHouse(t), &tape{}
	w.room.Logging = []string{"first", "second"}
	w.rooms.put(w.room)
	recording := func(d *room.Deps) { d.Recorder = p }
	here, there := w.node("here", recording), w.node("there", recording)
	ann, bob := here.join("ann"), there.join("bob")
	ctx := context.Background()

	ann.say("hello")
	bob.say("<hi> \u2028 & \n")
	ann.send(`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","Reason":"spam"}`)
	if _, err := here.m.SendEvent(ctx, w.room.ARN, "goal", map[string]string{"by": "7"}); err != nil {
		t.Fatal(err)
	}
	if _, err := there.m.DeleteMessage(ctx, w.room.ARN, "AbCdEfGh1234", ""); err != nil {
		t.Fatal(err)
	}
	if err := there.m.DisconnectUser(ctx, w.room.ARN, "nobody", "bye"); err != nil {
		t.Fatal(err)
	}
	const said = 6
	for _, c := range []*client{ann, bob} {
		for range said {
			_, text, err := c.readRaw()
			if err != nil {
				t.Fatal(err)
			}
			found := p.of(string(text))
			if len(found) != 1 {
				t.Fatalf("%s was recorded %d times when it arrived", text, len(found))
			}
			got, want := found[0], "EVENT"
			if slices.Contains([]string{"hello", "<hi> \u2028 & \n"}, contentOf(t, text)) {
				want = "MESSAGE"
			}
			if got.kind != want || got.room != w.room.ARN || !slices.Equal(got.configurations, w.room.Logging) || !got.received.Equal(w.clock.Now()) {
				t.Errorf("%s was recorded as %+v", text, got)
			}
		}
	}
	if len(p.all()) != said {
		t.Errorf("%d records of %d frames", len(p.all()), said)
	}
}

func TestRoomsWithoutConfigurationsAndRefusalsAreNotRecorded(t *testing.T) {
	w, p := newWorld(t), &tape{}
	n := w.node(func(d *room.Deps) { d.Recorder = p })
	ann := n.join("ann")
	ann.say("off the record")
	ann.wantSaid("off the record")

	w.room.Logging = []string{"one"}
	w.rooms.put(w.room)
	w.clock.advance(2 * time.Second) // then the settings are read again
	ann.send(`{"Action":"DELETE_MESSAGE","RequestId":"r","Id":"no id"}`)
	ann.wantError(400, "r")
	if len(p.all()) != 0 {
		t.Errorf("recorded: %+v", p.all())
	}
	ann.say("on the record")
	ann.wantSaid("on the record")
	if len(p.all()) != 1 || p.all()[0].kind != "MESSAGE" {
		t.Errorf("recorded: %+v", p.all())
	}
	if err := n.m.CloseRoom(context.Background(), w.room.ARN); err != nil {
		t.Fatal(err)
	}
	ann.wantClose(1000)
	if len(p.all()) != 1 {
		t.Errorf("the end of the room was recorded: %+v", p.all())
	}
}

func contentOf(t *testing.T, text []byte) string {
	t.Helper()
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f.Content
}

// logTo is a chatlog.Directory in which everything leads to one bucket, which takes everything.
type logTo struct{}

func (logTo) LogDestination(context.Context, string) (chatlog.Destination, error) {
	return chatlog.Destination{Bucket: "talk"}, nil
}

func (logTo) Put(context.Context, string, string, []byte) error { return nil }

// BenchmarkMessageOfALoggedRoom says what the log adds to a message: with 0 configurations there is none.
func BenchmarkMessageOfALoggedRoom(b *testing.B) {
	for _, configurations := range []int{0, 1, 3} {
		b.Run(fmt.Sprintf("configurations=%d", configurations), func(b *testing.B) {
			log, err := chatlog.Open(chatlog.Deps{Dir: b.TempDir(), Directory: logTo{}, Buckets: logTo{}, Log: quiet, Keep: 1 << 40})
			if err != nil {
				b.Fatal(err)
			}
			if err := log.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = log.Shutdown(context.Background()) })
			w := newWorld(b)
			for n := range configurations {
				w.room.Logging = append(w.room.Logging, fmt.Sprintf("arn:aws:ivschat:us-east-1:000000000000:logging-configuration/%012d", n))
			}
			w.rooms.put(w.room)
			node := w.node(func(d *room.Deps) { d.Recorder = log })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := node.m.SendEvent(b.Context(), w.room.ARN, "goal", map[string]string{"by": "7"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
