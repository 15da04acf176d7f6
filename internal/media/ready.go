package media

import "context"

// Ready waits until Next has frames to give, which begin with a video key frame, and takes none of them.
// When the stream has ended and everything was read, it returns the stream's reason; when ctx ends, ctx's
// error. It belongs to the goroutine that calls Next.
func (r *Reader) Ready(ctx context.Context) error {
	for {
		r.mu.Lock()
		waiting, err := len(r.queue), r.err
		r.mu.Unlock()
		switch {
		case waiting > 0:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake: // Next looks into the queue before it waits for this
		}
	}
}
