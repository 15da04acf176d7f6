package media

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// ReaderOptions bounds what a reader may hold. Zero values are the defaults.
type ReaderOptions struct {
	Frames int // default 1024
	Bytes  int // payload bytes, default 32 MiB
}

// Reader is one consumer's bounded ring of a stream's frames. One goroutine calls Next.
type Reader struct {
	stream    *Stream
	maxFrames int
	maxBytes  int
	wake      chan struct{} // holds one token when there is something new
	wants     atomic.Int64  // see Want

	mu      sync.Mutex
	queue   []*Frame // what Next has not taken yet
	spare   []*Frame // the slice Next gave back: the two swap, so that nothing is allocated per frame
	bytes   int
	video   time.Duration // see Until
	sound   time.Duration
	due     bool   // Next is to give what is queued
	flowing uint64 // video tracks, a bit by ID, that had a key frame since the start or the last loss
	begun   uint64 // tracks, a bit by ID, of which a frame was taken: what comes before that is no loss
	dropped int64
	err     error
}

func newReader(s *Stream, o ReaderOptions) *Reader {
	if o.Frames <= 0 {
		o.Frames = 1024
	}
	if o.Bytes <= 0 {
		o.Bytes = 32 << 20
	}
	r := &Reader{stream: s, maxFrames: o.Frames, maxBytes: o.Bytes, wake: make(chan struct{}, 1), video: math.MinInt64, sound: math.MinInt64}
	r.Want(AtOnce)
	return r
}

func (r *Reader) push(f *Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	if !r.flows(f) {
		if r.begun&(1<<f.Track.ID) != 0 {
			r.dropped++
		}
		return
	}
	r.begun |= 1 << f.Track.ID
	if len(r.queue) >= r.maxFrames || r.bytes+len(f.Payload) > r.maxBytes {
		// Too slow: what is queued stays good, this and all up to each track's next key frame is lost.
		r.flowing = 0
		r.dropped++
		return
	}
	r.queue = append(r.queue, f)
	r.bytes += len(f.Payload)
	if !r.due && r.urgent(f) {
		r.due = true
		r.signal()
	}
}

// urgent tells whether Next must not wait for more than f.
func (r *Reader) urgent(f *Frame) bool {
	if len(r.queue) > r.maxFrames/2 || r.bytes > r.maxBytes/2 {
		return true
	}
	if f.Track.Kind == Video {
		return f.Key || f.DTS >= r.video
	}
	return f.DTS >= r.sound
}

// Until lets Next wait for more than one frame: it comes back when there is a video frame or sound whose DTS is
// as late as that, when there is a video key frame, when the ring is half full, and at the stream's end.
// Waking up costs more than most frames do. It holds until it is called again, by the goroutine that calls
// Next; a reader begins without it.
func (r *Reader) Until(video, sound time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.video, r.sound = video, sound
	for _, f := range r.queue { // what came since Next was judged by what held before
		r.due = r.due || r.urgent(f)
	}
}

// What Want is told by readers for which every frame may be urgent, and by those that any frame can wait for.
const (
	AtOnce time.Duration = math.MinInt64
	Never  time.Duration = math.MaxInt64
)

// Want tells the publisher from which DTS on frames are urgent; it may take its time with those before, see
// Stream.Due. A reader begins with AtOnce.
func (r *Reader) Want(dts time.Duration) { r.wants.Store(int64(dts)) }

// flows tells whether f is of use: video after a key frame of its track, audio after one of any track.
func (r *Reader) flows(f *Frame) bool {
	if f.Track.Kind != Video {
		return r.flowing != 0
	}
	track := uint64(1) << f.Track.ID
	if f.Key {
		r.flowing |= track
	}
	return r.flowing&track != 0
}

func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reader) end(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.signal()
}

// Next waits for frames, see Until, and gives all that have come, in the order of their writing. The slice is valid
// until the next call. When the stream has ended and everything was read, it returns the stream's
// reason (io.EOF for an orderly end); when ctx has ended and everything was read that had come, ctx's error.
func (r *Reader) Next(ctx context.Context) ([]*Frame, error) {
	for {
		r.mu.Lock()
		if len(r.queue) > 0 && (r.due || r.err != nil || ctx.Err() != nil) {
			out := r.queue
			clear(r.spare)
			r.queue, r.spare, r.bytes, r.due = r.spare[:0], out, 0, false
			r.mu.Unlock()
			return out, nil
		}
		err := r.err
		r.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		}
	}
}

// Info is what the publisher last told of its encoder.
func (r *Reader) Info() Info { return r.stream.Info() }

// Dropped counts the frames that were lost to slowness; those before a track's first key frame are not.
func (r *Reader) Dropped() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Close leaves the stream. It may be called more than once, and from any goroutine.
func (r *Reader) Close() {
	r.stream.remove(r)
	r.end(context.Canceled)
}
