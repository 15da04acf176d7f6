//go:build bench

package e2e

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"

	"github.com/streamcat/streamcat/internal/gauge"
	"github.com/streamcat/streamcat/internal/room/chatbench"
)

const (
	members     = 1000
	idlers      = 2000
	unhurried   = 50 // messages a second
	mostHurried = 6400
	textBytes   = 100 // of each message
	frameBytes  = 330 // of the frame that brings it
	patience    = 200 * time.Millisecond
)

// centrifugoEnv names the binary of a peer; without it, it is looked for in PATH.
const centrifugoEnv = "STREAMCAT_BENCH_CENTRIFUGO"

// chatServer is a server under load, in a process of its own.
type chatServer struct {
	name    string
	pid     int
	door    chatbench.Door
	profile string // URL of CPU profiles, if it has one
}

// chatRows is what TestChatLoad measures of one server.
type chatRows struct {
	delivery  time.Duration // CPU per delivery, unhurried
	p50, p99  time.Duration // of delay, unhurried
	perCore   float64       // most deliveries per second of CPU at a p99 within patience
	perSecond float64       // deliveries per second meanwhile
	atMost    int           // messages per second meanwhile
	busyP99   time.Duration
	idle      float64 // KiB of resident memory per idle connection
}

// String is a line of a report.
func (r chatRows) String() string {
	return fmt.Sprintf("%.2f µs of CPU per delivery to %d members at %d messages a second, p50 %.1f ms, p99 %.1f ms; at most %.0f deliveries per second of CPU (%d messages a second, %.0f deliveries a second, p99 %.0f ms); %.1f KiB per idle connection",
		float64(r.delivery)/1e3, members, unhurried, milliseconds(r.p50), milliseconds(r.p99), r.perCore, r.atMost, r.perSecond, milliseconds(r.busyP99), r.idle)
}

// TestChatLoad measures what a crowd's chat costs the product, with the limits of chat off, and beside it, where it is
// there, Centrifugo: the same texts, each server in its own envelope.
func TestChatLoad(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--log-level", "error", "--chat-limits", "off")
	client := ivschat.NewFromConfig(p.aws())
	room, err := client.CreateRoom(t.Context(), &ivschat.CreateRoomInput{})
	if err != nil {
		t.Fatal(err)
	}
	ours := measureChat(t, chatServer{name: "StreamCat", pid: p.cmd.Process.Pid, profile: "http://" + p.Admin + "/debug/pprof/profile", door: chatbench.Door{
		Addr: p.HTTP, Path: "/",
		Ticket: func(n int) (string, error) {
			out, err := client.CreateChatToken(t.Context(), &ivschat.CreateChatTokenInput{
				RoomIdentifier: room.Arn, UserId: aws.String("member-" + strconv.Itoa(n)), Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage},
			})
			if err != nil {
				return "", err
			}
			return *out.Token, nil
		},
		Say: func(n int, text string) []byte {
			return fmt.Appendf(nil, `{"Action":"SEND_MESSAGE","RequestId":"%d","Content":"%s"}`, n, text)
		},
	}})
	p.terminate()
	t.Log("StreamCat: ", ours)
	floor, err := chatbench.Floor(members, frameBytes, unhurried, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the floor, a write of %d bytes to each alone: %.2f µs; a delivery costs us %.2f × that", frameBytes, float64(floor)/1e3, float64(ours.delivery)/float64(floor))

	peer, stop, why := centrifugo(t)
	if why != "" {
		t.Logf("Centrifugo is missing (%s): no ratios", why)
		return
	}
	theirs := measureChat(t, peer)
	stop()
	t.Log("Centrifugo: ", theirs)
	t.Logf("Centrifugo costs, of ours: CPU per delivery %.1f ×, p50 %.1f ×, deliveries per second of CPU %.2f ×, memory per idle connection %.1f ×",
		float64(theirs.delivery)/float64(ours.delivery), ratio(theirs.p50, ours.p50), theirs.perCore/ours.perCore, theirs.idle/ours.idle)
}

func measureChat(t *testing.T, s chatServer) (r chatRows) {
	together := gauge.Apart(s.pid)
	defer together()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	join := func(size int) *chatbench.Crowd {
		t.Helper()
		c, err := chatbench.Join(ctx, s.door, size)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		return c
	}

	warm := join(200)
	pause(ctx, 2*time.Second)
	before := gauge.Resident(s.pid)
	idle := join(idlers)
	pause(ctx, 5*time.Second)
	r.idle = float64(gauge.Resident(s.pid)-before) / idlers / 1024
	idle.Leave()
	warm.Leave()
	pause(ctx, 2*time.Second)

	c := join(members)
	defer c.Leave()
	pause(ctx, time.Second)
	nothing := s.spend(func() { pause(ctx, 5*time.Second) }) / 5
	s.say(ctx, t, c, unhurried, time.Second)
	steady := s.say(ctx, t, c, unhurried, 10*time.Second)
	if steady.heard != int64(steady.said*members) {
		t.Fatalf("%s: %d of %d deliveries arrived", s.name, steady.heard, steady.said*members)
	}
	r.delivery = (steady.cpu - 10*nothing) / time.Duration(steady.heard)
	r.p50, r.p99 = gauge.At(steady.late, 0.5), gauge.At(steady.late, 0.99)

	for rate, busy := unhurried, steady; ; busy = s.say(ctx, t, c, rate, 4*time.Second) {
		p99 := gauge.At(busy.late, 0.99)
		if c.Gone() > 0 || p99 > patience || busy.heard < int64(busy.said*members) {
			return r
		}
		if perCore := float64(busy.heard) / busy.cpu.Seconds(); perCore > r.perCore {
			r.perCore, r.atMost, r.busyP99, r.perSecond = perCore, rate, p99, float64(busy.heard)/busy.took.Seconds()
		}
		if rate = rate * 3 / 2; rate > mostHurried {
			return r
		}
	}
}

// chatted is what came of a time of speaking.
type chatted struct {
	said      int
	heard     int64
	cpu, took time.Duration // of the server; until all had been heard
	late      []time.Duration
}

// say has the crowd's speaker say so much, and waits until all is heard, or none has come for two seconds.
func (s chatServer) say(ctx context.Context, t *testing.T, c *chatbench.Crowd, perSecond int, d time.Duration) (r chatted) {
	t.Helper()
	profiled := make(chan error, 1)
	go func() {
		if s.profile == "" || perSecond != unhurried || d < 5*time.Second {
			profiled <- nil
			return
		}
		profiled <- takeProfile(s.profile, "chat", d)
	}()
	c.Late()
	before, began := c.Heard(), time.Now()
	r.cpu = s.spend(func() {
		var err error
		if r.said, err = c.Speak(ctx, perSecond, textBytes, d); err != nil && c.Gone() == 0 {
			t.Fatalf("%s: %v", s.name, err)
		}
		for last, since := int64(-1), time.Now(); r.heard < int64(r.said*members) && time.Since(since) < 2*time.Second; pause(ctx, 10*time.Millisecond) {
			if r.heard = c.Heard() - before; r.heard != last {
				last, since = r.heard, time.Now()
			}
		}
	})
	r.took, r.late = time.Since(began), c.Late()
	if err := <-profiled; err != nil {
		t.Errorf("profile: %v", err)
	}
	return r
}

// spend gives what CPU the server spends while something is done.
func (s chatServer) spend(do func()) time.Duration {
	before := gauge.CPU(s.pid)
	do()
	return gauge.CPU(s.pid) - before
}

// centrifugo starts the peer, or says why it cannot.
func centrifugo(t *testing.T) (s chatServer, stop func(), why string) {
	addr := freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	pid, stop, why := peerProgram{
		env: centrifugoEnv, binary: "centrifugo", listens: addr, args: []string{"-c"},
		config: fmt.Sprintf("http_server: {address: %q, port: %q}\nlog: {level: error}\nclient: {insecure: true, allowed_origins: ['*']}\n", host, port) +
			"channel: {without_namespace: {allow_subscribe_for_client: true, allow_publish_for_client: true, allow_subscribe_for_anonymous: true, allow_publish_for_anonymous: true}}\n",
	}.start(t)
	return chatServer{name: "Centrifugo", pid: pid, door: chatbench.Door{
		Addr: addr, Path: "/connection/websocket",
		Ticket: func(int) (string, error) { return "", nil },
		Hello:  []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"bench"}}`},
		Say: func(n int, text string) []byte {
			return fmt.Appendf(nil, `{"id":%d,"publish":{"channel":"bench","data":{"text":"%s"}}}`, n+2, text)
		},
		Echo: func(payload []byte) []byte {
			if string(payload) == "{}" {
				return payload
			}
			return nil
		},
	}}, stop, why
}
