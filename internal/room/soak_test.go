//go:build soak

package room_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/room"
)

// descriptors counts this process's open files.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func heapAndGoroutines() (uint64, int) {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc, runtime.NumGoroutine()
}

// settle waits until no more than so many connections are open.
func (n *node) settle(t *testing.T, connections float64) {
	t.Helper()
	for deadline := time.Now().Add(patience); n.metric("connections", "") > connections; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%v connections stay", n.metric("connections", ""))
		}
	}
}

// TestChurnLeavesNothingBehind lets thousands of connections come, talk and go in every way there is, while
// two listeners must hear every message of one speaker in order.
func TestChurnLeavesNothingBehind(t *testing.T) {
	const rounds, perRound, messages = 12, 500, 200
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	speaker := n.join("speaker")
	listeners := []*client{n.join("listener-1"), n.join("listener-2")}

	round := func(number int) {
		var wg sync.WaitGroup
		for _, l := range listeners {
			wg.Go(func() {
				for i := 0; i < messages; {
					f := l.read()
					if f.Sender.UserId != "speaker" {
						continue
					}
					if want := fmt.Sprint(number, "/", i); f.Content != want {
						t.Errorf("heard %q, want %q", f.Content, want)
						return
					}
					i++
				}
			})
		}
		wg.Go(func() {
			for range messages {
				for speaker.read().Sender.UserId != "speaker" {
				}
			}
		})
		wg.Go(func() {
			for i := range messages {
				speaker.say(fmt.Sprint(number, "/", i))
				<-time.After(time.Millisecond)
			}
		})
		var joined atomic.Int64
		for range 8 {
			wg.Go(func() {
				for joined.Add(1) <= perRound {
					n.visit()
				}
			})
		}
		wg.Wait()
	}

	round(0) // warms pools and caches
	n.settle(t, 3)
	heap, goroutines := heapAndGoroutines()
	files := descriptors(t)
	for i := range rounds {
		round(i + 1)
	}
	n.settle(t, 3)
	heapNow, goroutinesNow := heapAndGoroutines()
	filesNow := descriptors(t)
	t.Logf("%d connections: heap %d → %d KiB, goroutines %d → %d, descriptors %d → %d",
		rounds*perRound, heap>>10, heapNow>>10, goroutines, goroutinesNow, files, filesNow)
	if heapNow > heap+4<<20 || goroutinesNow > goroutines+10 || filesNow > files+10 {
		t.Error("something is left behind")
	}
}

// visit is one short stay that ends in one of many ways.
func (n *node) visit() {
	c := n.rawVisit(n.token(fmt.Sprint("visitor-", rand.IntN(50))), nil)
	defer func() { _ = c.conn.Close() }()
	switch rand.IntN(8) {
	case 0: // says something and goes
		c.writeFrame(0x81, []byte(`{"Action":"SEND_MESSAGE","Content":"hello"}`))
	case 1: // goes politely
		c.writeFrame(0x88, []byte{0x03, 0xe8})
		_, _ = io.Copy(io.Discard, c.conn)
	case 2: // breaks the protocol
		c.writeFrame(0x83, nil)
		_, _ = io.Copy(io.Discard, c.conn)
	case 3: // is disconnected, perhaps with others of that name
		c.writeFrame(0x81, []byte(`{"Action":"DISCONNECT_USER","UserId":"visitor-`+fmt.Sprint(rand.IntN(50))+`"}`))
	case 4: // leaves in the middle of a frame
		_, _ = c.conn.Write(masked(0x81, make([]byte, 5000))[:3000])
	case 5: // talks nonsense
		c.writeFrame(0x81, []byte(`{"Action":`))
		c.writeFrame(0x82, make([]byte, 100))
		c.writeFrame(0x81, make([]byte, 40<<10))
	case 6: // reads for a while
		_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.Copy(io.Discard, c.conn)
	case 7: // comes and goes
	}
}

// TestThousandsOfBadTokensDisturbNobody is a flood at the door beside a running conversation.
func TestThousandsOfBadTokensDisturbNobody(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	ann := n.join("ann")
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(10_000)
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if c, resp := n.dial("bad." + fmt.Sprint(rand.Uint64())); c != nil || resp.StatusCode != 401 {
					t.Errorf("HTTP %d", resp.StatusCode)
				}
			}
		})
	}
	worst := time.Duration(0)
	for left.Load() > 0 {
		began := time.Now()
		ann.say("x")
		ann.wantSaid("x")
		worst = max(worst, time.Since(began))
	}
	wg.Wait()
	t.Logf("slowest message: %v", worst)
}

// TestRaid lets 2,000 people join one room in the middle of a conversation: nothing is lost, doubled or
// out of order for those who were there.
func TestRaid(t *testing.T) {
	const people, messages = 2000, 300
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	ann, bob := n.join("ann"), n.join("bob")
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(people)
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				n.rawJoin("raider")
			}
		})
	}
	for i := range messages {
		ann.say(fmt.Sprint(i))
		for _, c := range []*client{ann, bob} {
			c.wantSaid(fmt.Sprint(i))
		}
		<-time.After(time.Millisecond)
	}
	wg.Wait()
}
