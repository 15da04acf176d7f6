package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// encoder is a foreign program that publishes. It ends with the test.
type encoder struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
	mu   sync.Mutex
	out  bytes.Buffer
}

func (e *encoder) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.Write(p)
}

// said is what the encoder printed.
func (e *encoder) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.String()
}

func startEncoder(t *testing.T, name string, args ...string) *encoder {
	t.Helper()
	return launchEncoder(t, exec.Command(name, args...))
}

// launchEncoder is startEncoder for a command that is more than its arguments.
func launchEncoder(t *testing.T, cmd *exec.Cmd) *encoder {
	t.Helper()
	name := filepath.Base(cmd.Path)
	e := &encoder{cmd: cmd, done: make(chan struct{})}
	e.cmd.Stdout, e.cmd.Stderr = e, e
	if err := e.cmd.Start(); err != nil {
		t.Fatalf("%s: %v (make test-deps installs it)", name, err)
	}
	go func() { e.err = e.cmd.Wait(); close(e.done) }()
	t.Cleanup(func() {
		e.cmd.Process.Kill()
		<-e.done
		if t.Failed() {
			t.Logf("%s said:\n%s", name, e.said())
		}
	})
	return e
}

// quit asks the encoder to end as a user does, by Ctrl-C, and waits for it.
func (e *encoder) quit() {
	e.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-e.done:
	case <-time.After(10 * time.Second):
		e.cmd.Process.Kill()
		<-e.done
	}
}

// ended says whether the encoder has ended by itself within a time.
func (e *encoder) ended(limit time.Duration) bool {
	select {
	case <-e.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// picture is what an ffmpeg publisher shows; zero values are the defaults.
type picture struct {
	size   string   // default 640x360
	rate   string   // default 30
	gop    string   // in frames, default 60
	extra  []string // more output options
	silent bool     // no sound
}

// ffmpeg publishes a moving picture and a tone to an RTMP address in real time.
func ffmpeg(t *testing.T, url string, p picture) *encoder {
	t.Helper()
	or := func(s, d string) string {
		if s == "" {
			return d
		}
		return s
	}
	args := []string{"-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=" + or(p.size, "640x360") + ":rate=" + or(p.rate, "30")}
	if !p.silent {
		args = append(args, "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-c:a", "aac", "-b:a", "128k")
	}
	args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
		"-g", or(p.gop, "60"), "-keyint_min", or(p.gop, "60"), "-sc_threshold", "0", "-b:v", "1000k")
	args = append(args, p.extra...)
	return startEncoder(t, "ffmpeg", append(args, "-f", "flv", url)...)
}

// gstreamer publishes by rtmp2sink.
func gstreamer(t *testing.T, url string) *encoder {
	t.Helper()
	pipeline := `videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ! h264parse ! queue ! mux.
		audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! avenc_aac ! aacparse ! queue ! mux.
		flvmux name=mux streamable=true ! rtmp2sink location=` + url
	return startEncoder(t, "gst-launch-1.0", strings.Fields("-e "+pipeline)...)
}
