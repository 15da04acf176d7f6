package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

var binaryPath = filepath.Join(os.TempDir(), fmt.Sprintf("streamcat-e2e-%d", os.Getpid()))

// binary builds the product once per test run, as a user would have it, and gives its path.
var binary = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "build", "-o", binaryPath, "../cmd/streamcat").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return binaryPath, nil
})

func TestMain(m *testing.M) {
	code := storetest.Run(m)
	os.Remove(binaryPath)
	os.RemoveAll(binaryPath + "-tools")
	os.Exit(code)
}

// process is the product running as a process of its own, as a user runs it.
type process struct {
	engine.Addresses
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	args []string
	log  *os.File
	done chan struct{} // closed when the process has ended
	err  error         // of Wait, after done
}

// startProcess runs `streamcat serve` on a data directory and waits until it is ready.
func startProcess(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"serve", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--rtmp-addr", "127.0.0.1:0",
		"--admin-addr", "127.0.0.1:0", "--webrtc-addr", "127.0.0.1:0", "--srt-addr", "127.0.0.1:0", "--log-level", "debug",
	}, args...)
	p := &process{t: t, dir: dir, args: args, log: log, done: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	os.Remove(filepath.Join(dir, "addresses.json")) // of an earlier run
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		log.Close()
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.tail(100))
		}
	})
	p.waitReady()
	return p
}

func (p *process) waitReady() {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		if text, err := os.ReadFile(filepath.Join(p.dir, "addresses.json")); err == nil && json.Unmarshal(text, &p.Addresses) == nil {
			if resp, err := http.Get("http://" + p.HTTP + "/readyz"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
		select {
		case <-p.done:
			p.t.Fatalf("the server ended while starting: %v\n%s", p.err, p.tail(50))
		case <-end:
			p.t.Fatalf("the server is not ready after a minute")
		case <-tick.C:
		}
	}
}

// kill is kill -9: nothing in the process gets to say goodbye.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// terminate asks the process to drain, and gives its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		p.t.Fatal("the server did not drain")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) tail(lines int) string {
	f, err := os.Open(p.log.Name())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, s.Text()+"\n")
	}
	var out string
	for _, l := range all[max(0, len(all)-lines):] {
		out += l
	}
	return out
}

// aws is a client configuration with the key that the server wrote for its owner.
func (p *process) aws() aws.Config {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "credentials"))
	if err != nil {
		p.t.Fatal(err)
	}
	return aws.Config{
		Region: field(string(text), "region"), BaseEndpoint: aws.String("http://" + p.HTTP),
		Credentials: credentials(field(string(text), "aws_access_key_id"), field(string(text), "aws_secret_access_key")),
	}
}

func credentials(id, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
	})
}

// eventually waits for something that a foreign program brings about.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); !ok(); {
		select {
		case <-end:
			t.Fatalf("never within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}
