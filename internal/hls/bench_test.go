package hls

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// loop is an endless 6 Mbit/s stream of 30 fps, 2 s between key frames.
type loop struct {
	frames []*media.Frame
	base   []time.Duration
	next   int
	round  time.Duration
}

func newLoop() *loop {
	return newLoopOf(feed{length: 2 * time.Second, audio: audioTrack(), bytes: 21_400, video: videoTrack(30)}.frames())
}

// newLadderLoop is the same stream with two further renditions, of 3 and 1.5 Mbit/s.
func newLadderLoop() *loop {
	return newLoopOf(ladder(2*time.Second, 3, func(r []rung) {
		r[0].bytes, r[1].bytes, r[2].bytes = 21_400, 10_700, 5350
	}, true))
}

func newLoopOf(frames []*media.Frame) *loop {
	l := &loop{frames: frames}
	for _, f := range l.frames {
		l.base = append(l.base, f.DTS)
	}
	return l
}

// step feeds one frame.
func (l *loop) step(b *testing.B, s *session) {
	f := l.frames[l.next]
	f.DTS = l.round + l.base[l.next]
	f.PTS, f.Arrived = f.DTS, testStart.Add(f.DTS)
	if err := s.frame(f); err != nil {
		b.Fatal(err)
	}
	if l.next++; l.next == len(l.frames) {
		l.next, l.round = 0, l.round+2*time.Second
	}
}

// second feeds half of the loop: one second of media.
func (l *loop) second(b *testing.B, s *session) {
	for range len(l.frames) / 2 {
		l.step(b, s)
	}
}

func benchSession(o Options) (*Packager, *session) {
	o.Now = func() time.Time { return testStart }
	p := New(o)
	return p, newSession(p.Window, p.log, p.now)
}

// BenchmarkPackage packages a second of a 6 Mbit/s stream per operation.
func BenchmarkPackage(b *testing.B) {
	p, s := benchSession(Options{Metrics: NewMetrics(nil)})
	l := newLoop()
	for range 20 {
		l.second(b, s)
	}
	b.ReportAllocs()
	begin := cpu()
	n := 0
	for b.Loop() {
		l.second(b, s)
		n++
	}
	used := cpu() - begin
	_, average := p.lanes[0].rate.bandwidth()
	b.ReportMetric(used.Seconds()/float64(n)*100, "%core")
	b.ReportMetric(float64(average)/1e6, "Mbit/s")
}

// BenchmarkPackageLadder packages a second of three renditions per operation, and reports what they keep on
// the heap.
func BenchmarkPackageLadder(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, s := benchSession(Options{Metrics: NewMetrics(nil)})
	s.videos = 3
	l := newLadderLoop()
	for range 31 {
		l.second(b, s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportAllocs()
	begin := cpu()
	n := 0
	for b.Loop() {
		l.second(b, s)
		n++
	}
	used := cpu() - begin
	b.ReportMetric(used.Seconds()/float64(n)*100, "%core")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	if lanes := p.current.Load().lanes(); lanes != 3 {
		b.Errorf("%d lanes", lanes)
	}
}

// BenchmarkPublish renders, packs and publishes one version of the playlist.
func BenchmarkPublish(b *testing.B) {
	p, s := benchSession(Options{})
	l := newLoop()
	for range 20 {
		l.second(b, s)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.show(30)
	}
	at := p.current.Load()
	b.ReportMetric(float64(len(at.playlist.plain)), "bytes")
	b.ReportMetric(float64(len(at.playlist.packed)), "gzip-bytes")
}

// BenchmarkMemory reports what a further 6 Mbit/s stream keeps on the heap.
func BenchmarkMemory(b *testing.B) {
	const streams = 8
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var keep []*Packager
		for range streams {
			p, s := benchSession(Options{})
			l := newLoop()
			for range 31 {
				l.second(b, s)
			}
			keep = append(keep, p)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/streams/(1<<20), "MiB/stream")
		runtime.KeepAlive(keep)
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rawClient asks over one connection and throws answers away, as cheaply as can be.
type rawClient struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

func dial(b *testing.B, srv *httptest.Server) *rawClient {
	b.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &rawClient{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), buf: make([]byte, 64<<10)}
}

func (c *rawClient) get(path string) error {
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if first && !strings.Contains(line, " 200 ") {
			return fmt.Errorf("%s: %s", path, line)
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			fmt.Sscan(v, &length)
		}
		if line == "\r\n" {
			break
		}
	}
	for length > 0 {
		n, err := c.r.Read(c.buf[:min(len(c.buf), length)])
		if err != nil {
			return err
		}
		length -= n
	}
	return nil
}

// BenchmarkServe compares serving with net/http and bytes that are simply there: parts, and playlists
// to readers that all wait for the same part. The client's share is in both.
func BenchmarkServe(b *testing.B) {
	const readers = 200
	came := make(chan struct{}, 2*readers)
	p, s := benchSession(Options{Metrics: NewMetrics(nil)})
	l := newLoop()
	for range 20 {
		l.second(b, s)
	}
	at := p.current.Load()
	part := at.segments[2].parts[0]
	static := map[string][]byte{"/part": part.data, "/list": at.playlist.packed}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if data, ok := static[r.URL.Path]; ok {
			w.Header()["Content-Length"] = contentLength(len(data))
			w.Write(data)
			return
		}
		if r.URL.Path == "/"+PlaylistFile {
			came <- struct{}{}
		}
		p.ServeMedia(w, r, r.URL.Path[1:])
	}))
	b.Cleanup(srv.Close)

	for name, path := range map[string]string{"part": "/" + part.name, "static part": "/part"} {
		b.Run(name, func(b *testing.B) {
			c := dial(b, srv)
			b.ReportAllocs()
			b.SetBytes(int64(len(part.data)))
			begin := cpu()
			n := 0
			for b.Loop() {
				if err := c.get(path); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64((cpu()-begin).Microseconds())/float64(n), "µs-cpu/op")
		})
	}
	for _, name := range []string{"playlist to 200 blocked", "static list to 200"} {
		b.Run(name, func(b *testing.B) {
			clients := make([]*rawClient, readers)
			for i := range clients {
				clients[i] = dial(b, srv)
			}
			var round sync.WaitGroup
			ask := func(path string) {
				for _, c := range clients {
					round.Go(func() {
						if err := c.get(path); err != nil {
							b.Error(err)
						}
					})
				}
			}
			b.ReportAllocs()
			begin := cpu()
			for b.Loop() {
				if strings.HasPrefix(name, "static") {
					ask("/list")
					round.Wait()
					continue
				}
				at := p.current.Load()
				ask(fmt.Sprintf("/%s?_HLS_msn=%d&_HLS_part=%d", PlaylistFile, at.nextMSN, len(at.parts)))
				for range readers {
					<-came
				}
				part := p.nextPart
				for p.nextPart == part {
					l.step(b, s)
				}
				round.Wait()
			}
			b.ReportMetric(float64((cpu()-begin).Microseconds())/float64(b.N)/readers, "µs-cpu/answer")
		})
	}
}

// BenchmarkKeep tells the next packager of a full window with a segment that is half there, as each part does.
func BenchmarkKeep(b *testing.B) {
	told := 0
	w := &Window{running: true, keeper: func(past []byte) { told = len(past) }}
	for i := range 16 {
		g := &segment{msn: uint64(i), dur: 2 * second}
		g.name, g.init = "s0-0123456789abcdef.m4s", &initSection{name: "i0-0123456789abcdef.mp4"}
		for range 6 {
			g.parts = append(g.parts, &part{name: "p0-0123456789abcdef.m4s", dur: second / 3})
		}
		w.segments = append(w.segments, g)
	}
	w.open, w.segments = w.segments[15], w.segments[:15]
	b.ReportAllocs()
	for range b.N {
		w.keep()
	}
	b.ReportMetric(float64(told), "B")
}
