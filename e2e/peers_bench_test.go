//go:build bench

package e2e

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Paths of binaries of peers; without one it is looked for in PATH. A peer that is not there is reported
// missing, and no ratio is printed.
const (
	mediaMTXEnv     = "STREAMCAT_BENCH_MEDIAMTX"
	broadcastBoxEnv = "STREAMCAT_BENCH_BROADCASTBOX"
	liveKitEnv      = "STREAMCAT_BENCH_LIVEKIT"
)

// profileEnv names a directory for CPU profiles of the server, one per run. Empty: none are taken.
const profileEnv = "STREAMCAT_BENCH_PROFILES"

// peerProgram is a program to compare with, and how it is started.
type peerProgram struct {
	env, binary string
	config      string   // text of a file, whose path is the last argument; empty: there is none
	args        []string // before it
	environ     []string // beside our own
	listens     string   // TCP address that tells that it is up
}

// start runs the peer in a process of its own until stop is called, or says why it cannot.
func (p peerProgram) start(t *testing.T) (pid int, stop func(), why string) {
	path, err := exec.LookPath(cmp.Or(os.Getenv(p.env), p.binary))
	if err != nil {
		return 0, nil, err.Error()
	}
	dir := t.TempDir()
	args := p.args
	if p.config != "" {
		conf := filepath.Join(dir, "peer.yml")
		if err := os.WriteFile(conf, []byte(p.config), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, conf)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), p.environ...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return 0, nil, err.Error()
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s", p.binary, said.String())
		}
	}
	for limit := time.Now().Add(20 * time.Second); ; {
		if c, err := net.Dial("tcp", p.listens); err == nil {
			c.Close()
			return cmd.Process.Pid, stop, ""
		}
		if time.Now().After(limit) {
			stop()
			return 0, nil, "it does not listen: " + said.String()
		}
		pause(t.Context(), 50*time.Millisecond)
	}
}

// startMediaMTX starts MediaMTX with these lines in its configuration and what else is served left out.
func startMediaMTX(t *testing.T, listens string, lines ...string) (pid int, stop func(), why string) {
	lines = append(lines, "logLevel: error", "rtsp: false", "srt: false", "moq: false", "paths: {all_others: {}}", "")
	return peerProgram{env: mediaMTXEnv, binary: "mediamtx", config: strings.Join(lines, "\n"), listens: listens}.start(t)
}

// takeProfile takes a CPU profile of a server of ours where profileEnv asks for it.
func takeProfile(url, name string, d time.Duration) error {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return nil
	}
	res, err := http.Get(fmt.Sprintf("%s?seconds=%d", url, int(d.Seconds())))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, res.Body); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
