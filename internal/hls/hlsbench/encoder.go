// Package hlsbench loads an RTMP and LL-HLS server, ours or another, with encoders and players over the
// loopback, and tells how late pictures are. It is for benchmarks and long tests.
//
// Every picture carries the time of its sending, so that a player knows how old the newest one of a part is.
package hlsbench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/streamcat/streamcat/internal/ingest"
)

// Clip is some seconds of H.264 and AAC that are published again and again.
type Clip struct {
	head, tags []ingest.FLVTag
	length     uint32 // ms
}

const fps = 30

// MakeClip has ffmpeg encode four seconds: a key frame every two, no B-frames, at a constant bitrate in
// bits per second, sound included.
func MakeClip(ctx context.Context, bitrate int) (*Clip, error) {
	const seconds, sound = 4, 128_000
	rate := fmt.Sprint(bitrate - sound)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=1280x720:rate=%d,noise=alls=60:allf=t,format=yuv420p", fps),
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", fmt.Sprint(seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", fmt.Sprint(2*fps), "-sc_threshold", "0",
		"-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate,
		"-c:a", "aac", "-b:a", fmt.Sprint(sound), "-ac", "2", "-f", "flv", "-flvflags", "no_duration_filesize", "-")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("encode: %w: %s", err, said.Bytes())
	}
	r, err := ingest.NewFLVReader(&out)
	if err != nil {
		return nil, err
	}
	c := &Clip{length: seconds * 1000}
	for {
		t, err := r.Next()
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case t.Kind == ingest.FLVScript || t.Config():
			c.head = append(c.head, t)
		case t.Timestamp < c.length && len(t.Data) > 5:
			c.tags = append(c.tags, t)
		}
	}
}

// Publish sends the clip in real time until ctx ends, which is no error. It calls begun when the first
// picture is about to go out.
func (c *Clip) Publish(ctx context.Context, url string, begun func()) error {
	p, err := ingest.DialPublish(ctx, url, ingest.PublishOptions{Encoder: "hlsbench"})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, t := range c.head {
		if err := p.WriteTag(t); err != nil {
			return err
		}
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	if begun != nil {
		begun()
	}
	var buf []byte
	for turn := uint32(0); ; turn++ {
		for _, t := range c.tags {
			t.Timestamp += turn * c.length
			timer.Reset(time.Until(start.Add(time.Duration(t.Timestamp) * time.Millisecond)))
			select {
			case <-ctx.Done():
				return nil
			case <-p.Done():
				return p.Err()
			case <-timer.C:
			}
			if t.Kind == ingest.FLVVideo {
				buf = stamped(buf[:0], t.Data, time.Now())
				t.Data = buf
			}
			if err := p.WriteTag(t); err != nil {
				return err
			}
		}
	}
}

// mark stands before the time in a picture: the identifier of a user data SEI message (ITU-T H.264 D.1.6).
var mark = []byte("streamcat-stamp:")

const digits = 16 // of nanoseconds since 1970, hexadecimal

// stamped puts a SEI message with the time into the body of a video tag, before its NAL units.
func stamped(b, tag []byte, now time.Time) []byte {
	const user = 5 // user_data_unregistered
	b = append(b, tag[:5]...)
	size := len(mark) + digits
	b = binary.BigEndian.AppendUint32(b, uint32(3+size+1))
	b = append(b, 6, user, byte(size))
	b = append(b, mark...)
	b = fmt.Appendf(b, "%016x", now.UnixNano())
	b = append(b, 0x80)
	return append(b, tag[5:]...)
}

// newest gives the time of the last picture in a part; not ok if it has none.
func newest(part []byte) (t time.Time, ok bool) {
	at := bytes.LastIndex(part, mark)
	if at < 0 || len(part) < at+len(mark)+digits {
		return t, false
	}
	var ns int64
	for _, c := range part[at+len(mark):][:digits] {
		ns <<= 4
		switch {
		case c >= '0' && c <= '9':
			ns |= int64(c - '0')
		case c >= 'a' && c <= 'f':
			ns |= int64(c-'a') + 10
		default:
			return t, false
		}
	}
	return time.Unix(0, ns), true
}

// Head is what stands before the first frame: metadata and decoder configurations.
func (c *Clip) Head() []ingest.FLVTag { return c.head }
