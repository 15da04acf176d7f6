//go:build bench

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/gauge"
)

// TestTokenLoad measures what CreateParticipantToken costs the product, as a process of its own: first as
// many calls as it takes, then the delay of an answer at half of what two cores could do. The client sends
// one signed request again and again, which keeps its own part small.
func TestTokenLoad(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	stage, err := ivsrealtime.NewFromConfig(p.aws()).CreateStage(t.Context(), &ivsrealtime.CreateStageInput{})
	if err != nil {
		t.Fatal(err)
	}
	request := signed(t, p, "/CreateParticipantToken", fmt.Sprintf(`{"stageArn":%q,"userId":"somebody","attributes":{"username":"somebody"}}`, *stage.Stage.Arn))
	const connections, seconds = 16, 8
	load(t, p, request, connections, time.Second, 0) // warm
	full := load(t, p, request, connections, seconds*time.Second, 0)
	t.Logf("as fast as it goes, client on the same cores: %s", full)
	const half = 1500
	t.Logf("at %d calls/s: %s", half, load(t, p, request, connections, seconds*time.Second, half))
}

// outcome is what a load found.
type outcome struct {
	rate     float64       // calls per second
	cpu      time.Duration // of the server, per call
	p50, p99 time.Duration
}

func (o outcome) String() string {
	return fmt.Sprintf("%.0f calls/s, %.0f µs of the server's CPU per call (2 cores of that: %.0f calls/s), p50 %.1f ms, p99 %.1f ms",
		o.rate, float64(o.cpu.Microseconds()), 2/o.cpu.Seconds(), float64(o.p50)/1e6, float64(o.p99)/1e6)
}

// load sends a request over some connections for a while: rate times a second, or if that is zero each
// connection's next as soon as its last is answered. Delays count from when a request was due.
func load(t *testing.T, p *process, request []byte, connections int, during time.Duration, rate int) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var calls atomic.Int64
	var mu sync.Mutex
	var delays []time.Duration
	began, before := time.Now(), gauge.CPU(p.cmd.Process.Pid)
	var done sync.WaitGroup
	for n := range connections {
		done.Go(func() {
			conn, err := net.Dial("tcp", p.HTTP)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			var own []time.Duration
			for k := 0; ctx.Err() == nil; k++ {
				due := time.Now()
				if rate > 0 {
					due = began.Add(time.Duration(n+k*connections) * time.Second / time.Duration(rate))
					select {
					case <-time.After(time.Until(due)):
					case <-ctx.Done():
						continue
					}
				}
				if err := exchange(conn, in, request); err != nil {
					t.Error(err)
					return
				}
				own = append(own, time.Since(due))
			}
			calls.Add(int64(len(own)))
			mu.Lock()
			delays = append(delays, own...)
			mu.Unlock()
		})
	}
	done.Wait()
	took, spent := time.Since(began), gauge.CPU(p.cmd.Process.Pid)-before
	slices.Sort(delays)
	if len(delays) == 0 {
		t.Fatal("nothing was answered")
	}
	return outcome{
		rate: float64(calls.Load()) / took.Seconds(), cpu: spent / time.Duration(len(delays)),
		p50: delays[len(delays)/2], p99: delays[len(delays)*99/100],
	}
}

func exchange(conn net.Conn, in *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// signed gives the bytes of a signed request.
func signed(t *testing.T, p *process, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.HTTP+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	config := p.aws()
	key, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, r, hex.EncodeToString(sum[:]), "ivs", config.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return wire.Bytes()
}
