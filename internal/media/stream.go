package media

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Stream fans the frames of one publisher out to readers.
//
// Write, Describe and the first Close are the publisher's. Stop may be called by anybody and from any
// goroutine: it ends the stream with a reason that Write then returns to the publisher.
type Stream struct {
	mu      sync.Mutex // guards the fields below; readers is also read without it
	err     error      // why the stream ended; nil while it runs
	info    Info
	done    chan struct{}
	readers atomic.Pointer[[]*Reader] // replaced, never changed in place

	frames, bytes atomic.Int64
}

// NewStream makes a running stream without readers.
func NewStream() *Stream {
	s := &Stream{done: make(chan struct{})}
	s.readers.Store(new([]*Reader))
	return s
}

// Write hands f to every reader and never waits. It returns the reason once the stream has ended.
func (s *Stream) Write(f *Frame) error {
	select {
	case <-s.done:
		return s.Err()
	default:
	}
	s.frames.Add(1)
	s.bytes.Add(int64(len(f.Payload)))
	for _, r := range *s.readers.Load() {
		r.push(f)
	}
	return nil
}

// Describe stores what the publisher tells of its encoder.
func (s *Stream) Describe(i Info) {
	s.mu.Lock()
	s.info = i
	s.mu.Unlock()
}

// Info gives what the publisher last told of its encoder.
func (s *Stream) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// Written counts the frames and payload bytes of all Writes so far.
func (s *Stream) Written() (frames, bytes int64) { return s.frames.Load(), s.bytes.Load() }

// Close ends the stream in good order: readers drain what they hold and then see io.EOF.
func (s *Stream) Close() { s.Stop(io.EOF) }

// Stop ends the stream for a reason, which must not be nil. Only the first call counts.
func (s *Stream) Stop(reason error) {
	if reason == nil {
		reason = errors.New("media: stream stopped")
	}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = reason
	close(s.done)
	readers := *s.readers.Load()
	s.mu.Unlock()
	for _, r := range readers {
		r.end(reason)
	}
}

// Due is the DTS from which on a reader wants each frame as soon as it comes: the publisher may take its time, a
// little, with what is before that. It is Never without readers.
func (s *Stream) Due() time.Duration {
	due := Never
	for _, r := range *s.readers.Load() {
		due = min(due, time.Duration(r.wants.Load()))
	}
	return due
}

// Done is closed when the stream has ended; a publisher that waits on a socket watches it.
func (s *Stream) Done() <-chan struct{} { return s.done }

// Err gives why the stream ended, io.EOF for the publisher's own Close, nil while it runs.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// NewReader adds a reader that sees the frames written from now on, starting at the next video key
// frame. The caller must Close it.
func (s *Stream) NewReader(o ReaderOptions) *Reader {
	r := newReader(s, o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		r.err = s.err
		return r
	}
	next := append([]*Reader(nil), *s.readers.Load()...)
	next = append(next, r)
	s.readers.Store(&next)
	return r
}

func (s *Stream) remove(r *Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.readers.Load()
	next := make([]*Reader, 0, len(old))
	for _, o := range old {
		if o != r {
			next = append(next, o)
		}
	}
	s.readers.Store(&next)
}
