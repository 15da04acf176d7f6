package channel

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// pasts keeps, in a file per channel, what its playlists have shown, so that they go on over a crash of the
// server (hls.Options). Packagers do not wait for the disk: one goroutine writes the newest that there is,
// and what it has not written when the process is killed costs players a fraction of a second.
type pasts struct {
	dir    string
	log    *slog.Logger
	wake   chan struct{} // holds one token: there is something to write
	failed bool          // the last write; of who calls flush

	mu    sync.Mutex
	dirty map[string][]byte // by channel; nil: the file is to go
	spare [][]byte
}

// pastsAge is how old a file is that no packager has asked for and none will: players are long gone.
const pastsAge = time.Hour

// newPasts makes a store in a directory; an empty name makes one that keeps nothing.
func newPasts(dir string, log *slog.Logger) *pasts {
	p := &pasts{dir: dir, log: log, wake: make(chan struct{}, 1), dirty: map[string][]byte{}}
	if dir == "" {
		return p
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("playlists will begin anew after a crash of the server", "error", err)
	}
	old, _ := os.ReadDir(dir)
	for _, file := range old {
		if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > pastsAge {
			os.Remove(filepath.Join(dir, file.Name()))
		}
	}
	return p
}

// of gives what was kept of a channel's playlists; nil if nothing was.
func (p *pasts) of(id string) []byte {
	if p.dir == "" {
		return nil
	}
	p.mu.Lock()
	past, pending := p.dirty[id]
	past = bytes.Clone(bytes.TrimSuffix(past, []byte{'\n'}))
	p.mu.Unlock()
	if pending {
		return past
	}
	past, err := os.ReadFile(filepath.Join(p.dir, id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Warn("playlists begin anew", "channel", id, "error", err)
	}
	past, _, _ = bytes.Cut(past, []byte{'\n'})
	return past
}

// keep replaces what is kept of a channel, one line; nil removes it. It does not wait for the disk.
func (p *pasts) keep(id string, past []byte) {
	if p.dir == "" {
		return
	}
	p.mu.Lock()
	switch old := p.dirty[id]; {
	case past == nil:
		p.dirty[id] = nil
	case old != nil:
		p.dirty[id] = append(append(old[:0], past...), '\n')
	default:
		var b []byte
		if n := len(p.spare); n > 0 {
			b, p.spare = p.spare[n-1], p.spare[:n-1]
		}
		p.dirty[id] = append(append(b[:0], past...), '\n')
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends; flush writes what is left then.
func (p *pasts) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			p.flush()
		}
	}
}

// flush writes all that is not written. One goroutine at a time may call it.
func (p *pasts) flush() {
	for id, past, more := p.next(); more; id, past, more = p.next() {
		err := p.write(id, past)
		if err != nil && !p.failed {
			p.log.Warn("playlists will begin anew after a crash of the server", "error", err)
		}
		p.failed = err != nil
	}
}

// next takes one channel out.
func (p *pasts) next() (id string, past []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, past = range p.dirty {
		delete(p.dirty, id)
		return id, past, true
	}
	return "", nil, false
}

// write puts a text, which is one line, over the one before, by one call: a process that is killed has written
// all of it or nothing. Truncating or replacing the file would cost twenty times as much, at each part of each
// stream; what is left of a longer text comes after the line, and is not read.
func (p *pasts) write(id string, past []byte) error {
	name := filepath.Join(p.dir, id)
	if past == nil {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	defer func() {
		p.mu.Lock()
		p.spare = append(p.spare, past)
		p.mu.Unlock()
	}()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(past, 0)
	return errors.Join(err, file.Close())
}
