package room_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/room"
)

// The listeners of a benchmark live in a process of their own, so that what this process spends is what
// the server spends. crowdEnv tells the test binary to be that process.
const crowdEnv = "STREAMCAT_ROOM_BENCH_CROWD"

// crowdMain joins with the tokens it reads from standard input, one per line, says so with a line, reads
// whatever comes until standard input ends, and prints what it saw.
func crowdMain() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<10)
	var (
		frames, bytesRead atomic.Int64
		mu                sync.Mutex
		late              []time.Duration
		conns             []net.Conn
		wg                sync.WaitGroup
	)
	for n := 0; in.Scan() && in.Text() != ""; n++ {
		conn, err := net.Dial("tcp", os.Getenv(crowdEnv))
		if err != nil {
			fmt.Println(err)
			return
		}
		conns = append(conns, conn)
		_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", in.Text())
		sampled := n%100 == 0 // reading frame by frame costs too much to do it everywhere
		br := bufio.NewReaderSize(conn, 4<<10)
		if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			fmt.Println("not let in", err)
			return
		}
		wg.Go(func() {
			if !sampled {
				n, _ := io.Copy(io.Discard, br)
				bytesRead.Add(n)
				return
			}
			c := &rawClient{conn: conn, br: br}
			for {
				_, payload, err := c.tryFrame()
				if err != nil {
					return
				}
				var f frame
				if json.Unmarshal(payload, &f) == nil {
					at, _ := time.Parse(time.RFC3339Nano, f.SendTime)
					mu.Lock()
					late = append(late, time.Since(at))
					mu.Unlock()
				}
				frames.Add(1)
			}
		})
	}
	fmt.Println("joined")
	for in.Scan() {
	}
	for _, c := range conns {
		_ = c.Close()
	}
	wg.Wait()
	slices.Sort(late)
	at := func(q float64) time.Duration {
		if len(late) == 0 {
			return 0
		}
		return late[int(q*float64(len(late)-1))]
	}
	fmt.Println(frames.Load(), int64(at(0.5)), int64(at(0.99)))
}

// crowd is a running crowdMain.
type crowd struct {
	b   *testing.B
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (n *node) crowd(b *testing.B, size int) *crowd {
	b.Helper()
	c := &crowd{b: b, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), crowdEnv+"="+n.srv.Listener.Addr().String())
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var tokens bytes.Buffer
	for i := range size {
		tokens.WriteString(n.token("listener-"+strconv.Itoa(i)) + "\n")
	}
	tokens.WriteString("\n")
	if _, err := c.in.Write(tokens.Bytes()); err != nil {
		b.Fatal(err)
	}
	if line, err := c.out.ReadString('\n'); line != "joined\n" {
		b.Fatalf("crowd: %q, %v", line, err)
	}
	return c
}

// leave ends the crowd and gives how many frames one listener saw and how late, median and 99th percentile.
func (c *crowd) leave() (sampledFrames int64, p50, p99 time.Duration) {
	c.b.Helper()
	_ = c.in.Close()
	line, _ := c.out.ReadString('\n')
	if err := c.cmd.Wait(); err != nil {
		c.b.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &sampledFrames, &p50, &p99); err != nil {
		c.b.Fatalf("crowd: %q: %v", line, err)
	}
	return sampledFrames, p50, p99
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchNode(b *testing.B) *node {
	b.Helper()
	w := newWorld(b)
	w.clock.now = time.Now()
	return w.node(func(d *room.Deps) { d.Now, d.LimitsOff, d.History = time.Now, true, 200 })
}

// fanOut sends b.N messages of about 300 bytes to a crowd, at most one per pace, and keeps no more than
// window of them on their way. It reports what the server's process spent.
func fanOut(b *testing.B, members int, pace time.Duration, window int) {
	n := benchNode(b)
	crowd := n.crowd(b, members-1)
	probe := n.rawJoin("speaker")
	_ = probe.conn.SetDeadline(time.Time{})
	heard := make(chan struct{}, window)
	go func() {
		defer close(heard)
		for {
			if _, _, err := probe.tryFrame(); err != nil {
				return
			}
			heard <- struct{}{}
		}
	}()
	text := masked(0x81, []byte(`{"Action":"SEND_MESSAGE","RequestId":"6e1c0b52-7a3e-4c5f-9d55-2f1f6f7a2b10","Content":"`+strings.Repeat("purr ", 16)+`"}`))
	b.ReportAllocs()
	b.ResetTimer()
	from, began := cpuTime(b), time.Now()
	flying := 0
	for i := range b.N {
		if pace > 0 {
			<-time.After(time.Until(began.Add(time.Duration(i) * pace)))
		}
		if flying == window {
			<-heard
			flying--
		}
		if _, err := probe.conn.Write(text); err != nil {
			b.Fatal(err)
		}
		flying++
	}
	for ; flying > 0; flying-- {
		<-heard
	}
	deliveries, lost := 0.0, 0
	for want := float64(b.N * members); lost == 0 && deliveries < want; runtime.Gosched() {
		// A crowd too slow for the room loses members, which is right, but then not all can be delivered.
		lost = members - int(n.metric("connections", ""))
		deliveries = n.metric("deliveries_total", "SEND_MESSAGE")
	}
	cpu, took := cpuTime(b)-from, time.Since(began)
	b.StopTimer()
	_ = probe.conn.Close()
	_, p50, p99 := crowd.leave()
	b.ReportMetric(float64(lost), "lost-members")
	b.ReportMetric(float64(cpu.Microseconds())/deliveries, "µs-CPU/delivery")
	b.ReportMetric(deliveries/took.Seconds(), "deliveries/s")
	b.ReportMetric(deliveries/cpu.Seconds(), "deliveries/CPU-s")
	b.ReportMetric(float64(p50.Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(p99.Microseconds())/1e3, "p99-ms")
}

// Compare the allocations of the second and the third: they do not depend on how many listen.
func BenchmarkFanOut(b *testing.B) {
	b.Run("members=1000/50-per-second", func(b *testing.B) { fanOut(b, 1000, 20*time.Millisecond, 64) })
	b.Run("members=1000/1500-per-second", func(b *testing.B) { fanOut(b, 1000, time.Second/1500, 256) })
	b.Run("members=10/1500-per-second", func(b *testing.B) { fanOut(b, 10, time.Second/1500, 256) })
	b.Run("members=1000/saturated", func(b *testing.B) { fanOut(b, 1000, 0, 256) })
}

func residentKiB(b *testing.B) float64 {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages*os.Getpagesize()) / 1024
}

// BenchmarkIdleConnection reports what one more connection that does nothing adds to the server's
// resident memory; the kernel's part of a socket is not in it.
func BenchmarkIdleConnection(b *testing.B) {
	n := benchNode(b)
	warm := n.crowd(b, 200)
	const size = 2000
	for range b.N {
		before := residentKiB(b)
		c := n.crowd(b, size)
		b.ReportMetric((residentKiB(b)-before)/size, "KiB/connection")
		c.leave()
	}
	warm.leave()
}

func BenchmarkHandshake(b *testing.B) {
	n := benchNode(b)
	b.ReportAllocs()
	for range b.N {
		c := n.rawDial(n.token("ann", func(p *auth.ChatPass) { p.TokenExpires = time.Now().Add(time.Minute) }), nil)
		_ = c.conn.Close()
	}
}
