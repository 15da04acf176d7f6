//go:build soak

package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// soakTime is how long each kind of trouble lasts; SOAK_SECONDS changes it.
func soakTime() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("SOAK_SECONDS")); err == nil {
		return time.Duration(n) * time.Second
	}
	return 30 * time.Second
}

// metric reads one number of the admin listener.
func metric(t *testing.T, p *process, name string) float64 {
	t.Helper()
	v, ok := findMetric(t, p, name)
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return v
}

// metricOr is metric with a number for one that is not there yet.
func metricOr(t *testing.T, p *process, name string, otherwise float64) float64 {
	t.Helper()
	if v, ok := findMetric(t, p, name); ok {
		return v
	}
	return otherwise
}

func findMetric(t *testing.T, p *process, name string) (v float64, ok bool) {
	t.Helper()
	s := bufio.NewScanner(strings.NewReader(fetch(t, "http://"+p.Admin+"/metrics", http.StatusOK)))
	for s.Scan() {
		if v, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			return f, true
		}
	}
	return 0, false
}

// TestGarbageOnEveryPortHarmsNobody keeps one healthy stream and throws at every port what does not
// belong there. The stream's playlist must keep every rule and every pace, and goroutines, descriptors
// and memory must come back to where they were.
func TestGarbageOnEveryPortHarmsNobody(t *testing.T) {
	p := startProcess(t, t.TempDir())
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })
	media := mediaURL(t, c.PlaybackURL)

	goroutines, files := metric(t, p, "go_goroutines"), metric(t, p, "process_open_fds")
	attacks := map[string]func(i int){
		"random bytes": func(i int) {
			b := make([]byte, 1+i%5000)
			rand.Read(b)
			throw([]string{p.HTTP, p.RTMP, p.Admin}[i%3], b, i%2 == 0)
		},
		"truncated RTMP": func(i int) {
			// C0, C1 and C2 of a handshake, then the beginning of a connect command, cut anywhere.
			b := make([]byte, 1+1536+1536)
			b[0] = 3
			b = append(b, 3, 0, 0, 0, 0, 1, 0, 20, 0, 0, 0, 0, 2, 0, 7, 'c', 'o', 'n', 'n', 'e', 'c', 't', 0, 0x3f, 0xf0)
			throw(p.RTMP, b[:1+i*37%len(b)], true)
		},
		"RTMP message of 16 MB": func(int) {
			b := make([]byte, 1+1536+1536)
			b[0] = 3
			b = append(b, 3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0)
			throw(p.RTMP, append(b, make([]byte, 4096)...), true)
		},
		"oversized body": func(int) {
			resp, err := http.Post("http://"+p.HTTP+"/CreateChannel", "application/json", io.LimitReader(zeros{}, 8<<20))
			if err == nil {
				resp.Body.Close()
			}
		},
		"open and close": func(i int) {
			if conn, err := net.DialTimeout("tcp", []string{p.HTTP, p.RTMP}[i%2], time.Second); err == nil {
				conn.Close()
			}
		},
		"bad sockets": func(int) {
			throw(p.HTTP, []byte("GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
				"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: nonsense\r\n\r\n\x81\xff\xff\xff\xff\xff"), true)
		},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			stop := time.After(soakTime() / time.Duration(len(attacks)))
			var crowd sync.WaitGroup
			done := make(chan struct{})
			counts := make([]int, 4)
			for w := range counts {
				crowd.Go(func() {
					for i := w; ; i += len(counts) {
						select {
						case <-done:
							return
						default:
						}
						attack(i)
						counts[w]++
					}
				})
			}
			check := hlscheck.New()
			for u, running := media, true; running; {
				before := time.Now()
				body := fetch(t, u, http.StatusOK)
				if took := time.Since(before); took > 3*time.Second {
					t.Errorf("a part took %v", took)
				}
				if wrong := check.Playlist(body); len(wrong) > 0 {
					t.Errorf("%s\n%s", wrong, body)
				}
				msn, part := check.Last().End()
				u = fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", media, msn, part)
				select {
				case <-stop:
					running = false
				default:
				}
			}
			close(done)
			crowd.Wait()
			t.Logf("%v times", counts)
		})
	}

	// Refused connections linger for some seconds; then everything is as it was.
	eventually(t, time.Minute, "goroutines and descriptors are given back", func() bool {
		return metric(t, p, "go_goroutines") < goroutines+20 && metric(t, p, "process_open_fds") < files+20
	})
	heap := metric(t, p, "go_memstats_heap_inuse_bytes")
	t.Logf("goroutines %.0f → %.0f, descriptors %.0f → %.0f, heap %.0f MiB", goroutines, metric(t, p, "go_goroutines"),
		files, metric(t, p, "process_open_fds"), heap/(1<<20))
	if heap > 256<<20 {
		t.Errorf("the heap holds %.0f MiB", heap/(1<<20))
	}
	if log := p.tail(100_000); strings.Contains(log, "panic") || strings.Contains(log, c.Key) {
		t.Error("the log holds a panic or a stream key")
	}
}

// throw sends bytes to a port and, if asked, waits a little for what comes back.
func throw(addr string, b []byte, listen bool) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = io.Copy(conn, bytes.NewReader(b))
	if listen {
		_, _ = io.Copy(io.Discard, conn)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
