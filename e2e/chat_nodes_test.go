package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// balancer passes connections on to the first of its servers that answers.
func balancer(t *testing.T, servers ...string) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	pass := func(from, to net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).SetLinger(0) // a server that died says no goodbye
		_ = to.Close()
		_ = from.Close()
	}
	work.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			for _, s := range servers {
				if up, err := net.Dial("tcp", s); err == nil {
					work.Go(func() { pass(c, up) })
					work.Go(func() { pass(up, c) })
					break
				}
			}
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		work.Wait()
	})
	return ln.Addr().String()
}

// TestChatOverTwoNodes has Amazon's client speak in a room of two engines that share a NATS server and a database.
func TestChatOverTwoNodes(t *testing.T) {
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() {
		nats.Shutdown()
		nats.WaitForShutdown()
	})
	if !nats.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS does not start")
	}
	const key, secret = "AKIATWONODESTWONODES", "two nodes and one secret"
	dirs := []string{t.TempDir(), t.TempDir()}
	args := []string{
		"--nats-url", nats.ClientURL(), "--database-url", "sqlite:" + filepath.Join(t.TempDir(), "shared.db"), "--chat-limits", "off",
		"--root-access-key-id", key, "--root-secret-access-key", secret,
	}
	dies := startProcess(t, dirs[0], args...)
	if err := os.Symlink(filepath.Join(dirs[0], "keys"), filepath.Join(dirs[1], "keys")); err != nil {
		t.Fatal(err)
	}
	stays := startProcess(t, dirs[1], args...)

	cmd := exec.CommandContext(t.Context(), "node", "api/nodes.mjs")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "NODE_NO_WARNINGS=1",
		"STREAMCAT_URL=http://" + stays.HTTP, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret,
		"BOB_URL=ws://" + stays.HTTP, "ANN_URL=ws://" + balancer(t, dies.HTTP, stays.HTTP),
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "kill" {
			dies.kill()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, complaints.Bytes())
	}
}
