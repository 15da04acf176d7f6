package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/store/storetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// script is a node program that drives Chromium and says what it has reached.
type script struct {
	t     *testing.T
	said  chan map[string]any // closed when the program has nothing more to say
	cues  io.Writer
	cmd   *exec.Cmd
	trash bytes.Buffer // its standard error; read after the end
}

func startScript(t *testing.T, args ...string) *script {
	t.Helper()
	return startScriptWith(t, nil, args...)
}

// startScriptWith starts a script with more in its environment.
func startScriptWith(t *testing.T, env []string, args ...string) *script {
	t.Helper()
	for path, remedy := range map[string]string{
		"node_modules/playwright-core":     "the browser's driver is not installed: run `make test-deps`",
		"../internal/site/dist/index.html": "the web app is not built: run `make build`",
		"/usr/bin/chromium":                "chromium is not installed: run `make test-deps`",
	} {
		if _, err := os.Stat(path); err != nil {
			t.Fatal(remedy)
		}
	}
	s := &script{t: t, said: make(chan map[string]any, 16), cmd: exec.Command("node", args...)}
	s.cmd.Env = append(append(os.Environ(), "HOME="+t.TempDir()), env...)
	s.cmd.Stderr = &s.trash
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.cues, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("node: %v (make test-deps installs it)", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(s.said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				s.said <- line
			}
		}
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-ended
		_ = s.cmd.Wait() // how it ended was judged by what it said
		if t.Failed() {
			t.Logf("%v printed:\n%s", args, &s.trash)
		}
	})
	return s
}

// hear waits until the script has reached a step, and gives what it said of it.
func (s *script) hear(step string) map[string]any {
	s.t.Helper()
	select {
	case line, ok := <-s.said:
		switch {
		case !ok:
			s.t.Fatalf("the script ended before %q", step)
		case line["step"] != step:
			s.t.Fatalf("the script said %v instead of %q: %v", line["step"], step, line["error"])
		}
		if line["key"] == nil {
			s.t.Logf("%v", line)
		}
		return line
	case <-time.After(3 * time.Minute):
		s.t.Fatalf("the script never reached %q", step)
	}
	return nil
}

func (s *script) cue(name string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.cues, name); err != nil {
		s.t.Fatal(err)
	}
}

// publishAddress is where the dashboard says an encoder shall go.
func publishAddress(line map[string]any) string {
	return line["server"].(string) + line["key"].(string)
}

func TestAPersonIsWatchedWithABrowserAndAnEncoder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options func(t *testing.T) []enginetest.Option
		publish func(t *testing.T, dashboard map[string]any) *encoder
	}{
		"sqlite, by RTMP": {
			func(*testing.T) []enginetest.Option { return nil },
			func(t *testing.T, dashboard map[string]any) *encoder {
				return ffmpeg(t, publishAddress(dashboard), picture{})
			},
		},
		"postgres, by SRT": {
			func(t *testing.T) []enginetest.Option {
				return []enginetest.Option{enginetest.Database(storetest.PostgresURL(t))}
			},
			func(t *testing.T, dashboard map[string]any) *encoder { return ffmpegSRT(t, dashboard["srt"].(string)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := enginetest.Start(t, c.options(t)...)
			s := startScript(t, "browser/story.mjs", e.URL)
			registered := s.hear("registered")
			c.publish(t, registered)
			s.hear("watching")
			s.hear("done")
			_, passphrase, ok := strings.Cut(registered["srt"].(string), "&passphrase=")
			if log := e.Log(); !ok || strings.Contains(log, registered["key"].(string)) || strings.Contains(log, passphrase) {
				t.Error("the stream key or the passphrase is in the log")
			}
		})
	}
}

func TestAPageLeftOpenPlaysOnAfterKillNine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fixed := []string{"--http-addr", freeAddr(t), "--rtmp-addr", freeAddr(t)}
	p := startProcess(t, dir, fixed...)
	s := startScript(t, "browser/story.mjs", "http://"+p.HTTP, "crash")
	address := publishAddress(s.hear("registered"))
	first := ffmpeg(t, address, picture{})
	plain := startScript(t, "browser/continuity.mjs", s.hear("watching")["playlist"].(string))
	plain.shows("picture 640x360")

	p.kill()
	first.quit()
	startProcess(t, dir, fixed...)
	ffmpeg(t, address, picture{})
	s.cue("crashed")
	plain.shows("still picture") // hls.js alone, without this app's help
	s.hear("back")
	s.hear("done")
	plain.cue("enough")
	plain.hear("done")
}

func TestTheDemoIsAPageThatPlays(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := tlstest.New(t).Issue(t.TempDir(), "127.0.0.1")
	for name, tc := range map[string]struct {
		settings []string
		page     string
	}{
		"without TLS": {nil, "http://"},
		"with a certificate that the demo does not trust": {
			[]string{"--https-addr", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}, "https://",
		},
	} {
		t.Run(name, func(t *testing.T) {
			demo := startEncoder(t, path, append([]string{
				"demo", "--data-dir", t.TempDir(), "--http-addr", "127.0.0.1:0", "--rtmp-addr", "127.0.0.1:0",
				"--admin-addr", "127.0.0.1:0", "--webrtc-addr", "127.0.0.1:0", "--srt-addr", "127.0.0.1:0",
			}, tc.settings...)...)
			page := regexp.MustCompile(`The demo is live: (` + tc.page + `\S+/c/\S+)`)
			var found []string
			eventually(t, time.Minute, "the page of the demo", func() bool {
				found = page.FindStringSubmatch(demo.said())
				return found != nil
			})
			s := startScript(t, "browser/watch.mjs", found[1])
			s.hear("watching")
			s.hear("done")
			demo.quit()
			if demo.err != nil {
				t.Errorf("the demo ended badly: %v", demo.err)
			}
		})
	}
}
