package transcode

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// child is a running ffmpeg.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	said   lastLines
}

// start runs ffmpeg in a process group of its own, so that a signal to the server's group leaves it to us.
func (f *FFmpeg) start(args ...string) (*child, error) {
	c := &child{cmd: exec.Command(f.path, append([]string{"-hide_banner", "-nostdin", "-nostats", "-v", "warning"}, args...)...)}
	c.cmd.Env = environment() // ours may hold secrets
	c.cmd.Stderr = &c.said
	c.cmd.WaitDelay = time.Second
	ownGroup(c.cmd)
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// environment is what a program needs of ours to run at all.
func environment() []string {
	out := []string{}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"} {
		if v, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+v)
		}
	}
	return out
}

// kill ends the child and all it may have started; it may be called at any time before wait returns.
func (c *child) kill() { killGroup(c.cmd) }

// wait returns when the child is gone; its pipes are closed then.
func (c *child) wait() error { return c.cmd.Wait() }

// lastLines is a Writer that keeps the end of what is written.
type lastLines struct {
	mu   sync.Mutex
	text []byte
}

const keptText = 4096

func (l *lastLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if n := len(l.text) - keptText; n > 0 {
		l.text = append(l.text[:0], l.text[n:]...)
	}
	return len(b), nil
}

// lines gives up to n of the last lines, fit for a log.
func (l *lastLines) lines(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(l.text), "?"))
	all := strings.Split(strings.TrimSpace(clean), "\n")
	return all[max(0, len(all)-n):]
}
