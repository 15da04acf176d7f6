package ingest

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// A stream as an encoder sends it: 6 Mbit/s, 30 pictures and 47 audio frames a second, a key frame every 2 s.
const (
	benchRate    = 6_000_000 / 8
	benchFPS     = 30
	benchKeySize = 5 // key frames are so many times larger than others
)

// benchTags gives two seconds of the stream, in order.
func benchTags() []FLVTag {
	const gop = 2 * benchFPS
	audio := make([]byte, 128_000/8*1024/48000)
	unit := (2*benchRate - 94*len(audio)) / (gop - 1 + benchKeySize)
	var tags []FLVTag
	a := 0
	for i := range gop {
		size, nal := unit, byte(0x41)
		if i == 0 {
			size, nal = unit*benchKeySize, 0x65
		}
		data := make([]byte, size-12)
		data[0] = nal
		ts := uint32(i * 1000 / benchFPS)
		for ; a*1024/48 <= int(ts); a++ {
			tags = append(tags, aud8(uint32(a*1024/48), audioFrame(audio...)))
		}
		tags = append(tags, vid(ts, videoFrame(0, data)))
	}
	return tags
}

// endless repeats what comes after the head for ever, with growing timestamps.
type endless struct {
	head []byte
	loop []byte
	at   int
	left int64 // bytes until io.EOF
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(b, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b, e.loop[e.at:])
	e.at = (e.at + n) % len(e.loop)
	e.left -= int64(n)
	return n, nil
}

// BenchmarkRTMPIngest is the way from bytes in memory to frames at a reader: what our code costs without
// the kernel. One operation is one frame, sound included.
func BenchmarkRTMPIngest(b *testing.B) {
	for _, size := range []int{128, 4096, 65536} {
		b.Run(fmt.Sprintf("chunk=%d", size), func(b *testing.B) {
			var loop []byte
			tags := benchTags()
			for _, t := range tags {
				cs := byte(csVideo)
				if t.Kind == FLVAudio {
					cs = csAudio
				}
				loop, _ = appendMessage(loop, cs, size, message{kind: t.Kind, stream: 1, timestamp: t.Timestamp, payload: t.Data})
			}
			rounds := int64(b.N/len(tags) + 1)
			in := &endless{
				head: join(published(), raw(msgSetChunkSize, string(be32(uint32(size)))), raw(msgAudio, string(audioConfig(aacLC)))),
				loop: loop, left: rounds * int64(len(loop)),
			}
			gate := &readerGate{}
			s := NewRTMP(RTMPDeps{Gates: []media.Gate{gate}})
			b.ReportAllocs()
			b.SetBytes(int64(len(loop) / len(tags)))
			b.ResetTimer()
			newConn(s, &bytesConn{r: in}).serve(context.Background())
			b.StopTimer()
			perSecond := float64(len(tags)) / 2
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*int64(len(tags)))*perSecond/1e9*100, "%core/stream")
		})
	}
}

// BenchmarkRTMPLive is ten streams in real time over loopback, for as long as the benchmark says: what of a
// core one stream costs with the kernel's part, and with the sender's, which is in the same process.
func BenchmarkRTMPLive(b *testing.B) {
	const streams = 10
	b.Run("chunk=4096", func(b *testing.B) { benchLive(b, streams, 4096) })
	b.Run("chunk=65536", func(b *testing.B) { benchLive(b, streams, 65536) })
}

func benchLive(b *testing.B, streams, chunkSize int) {
	gate := newDrainGate()
	s := NewRTMP(RTMPDeps{Gates: []media.Gate{gate}})
	addr := serveOn(b, s)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tags := benchTags()
	done := make(chan error, streams)
	for i := range streams {
		p, err := DialPublish(ctx, "rtmp://"+addr+"/app/x", PublishOptions{ChunkSize: chunkSize})
		if err != nil {
			b.Fatal(err)
		}
		p.WriteTag(vid(0, videoConfig(avcRecord(4, sps180, pps))))
		p.WriteTag(aud8(0, audioConfig(aacLC)))
		go func() { done <- sendLive(ctx, p, tags, time.Duration(i)*3*time.Millisecond) }()
	}
	for range b.N {
		select {
		case err := <-done:
			b.Fatal(err)
		case <-time.After(time.Second): // let it run in
		}
		start, cpu, frames := time.Now(), cpuTime(), gate.frames.Load()
		select {
		case err := <-done:
			b.Fatal(err)
		case <-time.After(4 * time.Second):
		}
		wall := time.Since(start)
		share := float64(cpuTime()-cpu) / float64(wall) * 100 / float64(streams)
		b.ReportMetric(share, "%core/stream(both_ends)")
		b.ReportMetric(float64(gate.frames.Load()-frames)/wall.Seconds()/float64(streams), "frames/s")
	}
	cancel()
	for range streams {
		<-done
	}
}

func sendLive(ctx context.Context, p *PublishConn, tags []FLVTag, late time.Duration) error {
	defer p.Close()
	start := time.Now().Add(late)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for turn := 0; ; turn++ {
		for _, t := range tags {
			t.Timestamp += uint32(turn * 2000)
			timer.Reset(time.Until(start.Add(time.Duration(t.Timestamp) * time.Millisecond)))
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
			if err := p.WriteTag(t); err != nil {
				return err
			}
		}
	}
}

// drainGate admits everybody and counts frames.
type drainGate struct{ frames atomic.Int64 }

func newDrainGate() *drainGate { return &drainGate{} }

func (g *drainGate) Admit(context.Context, media.Publisher) (*media.Stream, error) {
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{})
	go func() {
		defer r.Close()
		for {
			fs, err := r.Next(context.Background())
			if err != nil {
				return
			}
			g.frames.Add(int64(len(fs)))
		}
	}()
	return s, nil
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
