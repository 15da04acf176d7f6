package e2e

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEphemeralServerStartsAndLeavesNothing does what a CI job does, over and over: start, use, stop. How long
// a start takes is said, and judged by people.
func TestEphemeralServerStartsAndLeavesNothing(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	var took []time.Duration
	for range 5 {
		cmd := exec.Command(path, "serve", "--ephemeral", "--http-addr", "127.0.0.1:0", "--rtmp-addr", "127.0.0.1:0",
			"--webrtc-addr", "127.0.0.1:0", "--srt-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-level", "error")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temporary}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		lines, url := bufio.NewScanner(out), ""
		for url == "" && lines.Scan() {
			if words := strings.Fields(lines.Text()); len(words) > 2 && words[0] == "API" {
				url = words[2]
			}
		}
		resp, err := http.Get(url + "/readyz")
		took = append(took, time.Since(began))
		if err != nil {
			t.Fatalf("not ready when it says that it runs: %v", err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("not ready when it says that it runs: %s", resp.Status)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		for lines.Scan() { // Wait closes the pipe
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("stop: %v", err)
		}
		kill.Stop()
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	slices.Sort(took)
	t.Logf("from exec to ready: fastest %v, median %v, slowest %v", took[0], took[len(took)/2], took[len(took)-1])
}
