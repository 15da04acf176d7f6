package rtc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// AudioSink takes the Opus frames of one stream and makes others of them.
type AudioSink interface {
	// Frame takes the next frame and never waits. It is false once the sink can do no more: this frame and
	// all that follow go into the stream as they are.
	Frame(f *media.Frame) bool
	// Close ends the sink and all that belongs to it; nothing is written afterwards.
	Close()
}

// FramesOptions are for NewFrames; the zero value is fine.
type FramesOptions struct {
	Log *slog.Logger
	Now func() time.Time

	// Audio, if not nil, makes an AudioSink for a stream when its audio begins. What the sink makes, it
	// gives to write, from any goroutine, in order. Nil instead of a sink leaves the stream's Opus as it is.
	Audio func(write func(*media.Frame)) AudioSink
}

// NewFrames gives the Publishers by which WHIP reaches channels: the bearer token is a stream key, which
// gate judges, and the packets become frames of the stream that gate gives. Video is H.264, and there
// must be some, in up to three sizes at once (simulcast); audio is Opus. Key frames are asked for every two seconds.
func NewFrames(gate media.Gate, o FramesOptions) Publishers {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &frames{gate: gate, o: o}
}

type frames struct {
	gate media.Gate
	o    FramesOptions
}

// Publish admits a publisher. Tokens that cannot be stream keys are not shown to the gate.
func (f *frames) Publish(ctx context.Context, r Request) (Publication, error) {
	if !isStreamKey(r.Token) {
		return nil, fault.Missing("no channel has this stream key")
	}
	if !r.Video {
		return nil, Refuse(422, "CODEC_MISMATCH", fault.InvalidInput("a channel needs H.264 video, and the offer has none"))
	}
	stream, err := f.gate.Admit(ctx, media.Publisher{
		Protocol: "WHIP", App: "whip", Key: r.Token, Remote: r.Remote, Encrypted: true,
	})
	if err != nil {
		return nil, err
	}
	videos := max(r.Layers, 1)
	stream.Describe(media.Info{Encoder: encoderName(r.UserAgent), Videos: videos})
	return &framesOf{
		stream: stream, o: f.o, over: make(chan struct{}), watched: make(chan struct{}),
		layers: layers{offered: videos},
	}, nil
}

// isStreamKey tells stream keys from all else, such as participant tokens, by their shape.
func isStreamKey(token string) bool {
	if token == "" || len(token) > 128 {
		return false
	}
	for i := range len(token) {
		switch c := token[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// encoderName cuts what a client calls itself to a length and to plain text, since it is logged and shown.
func encoderName(agent string) string {
	b := make([]byte, 0, 128)
	for i := 0; i < len(agent) && len(b) < cap(b); i++ {
		if c := agent[i]; c >= ' ' && c < 0x7F {
			b = append(b, c)
		}
	}
	return string(b)
}

// framesOf is one publisher's Publication.
type framesOf struct {
	stream  *media.Stream
	o       FramesOptions
	over    chan struct{} // closed by Ended
	watched chan struct{} // closed when watch has nothing more to do with the publication

	mu     sync.Mutex // guards all below, and is held while a frame is written
	peer   Peer
	ended  bool
	time   timeline
	layers layers
	audio  *audioSink   // the newest; nil: none yet
	sound  AudioSink    // nil: Opus goes into the stream as it is
	opus   *media.Track // nil: no audio yet

	closing sync.WaitGroup // sinks that can do no more
}

// TakeLayers says that all encodings of a simulcast are taken.
func (p *framesOf) TakeLayers() bool { return true }

// Start begins to watch over the session.
func (p *framesOf) Start(peer Peer) {
	p.mu.Lock()
	p.peer = peer
	p.mu.Unlock()
	go p.watch(peer)
}

// tick is how often what waits for time to pass is looked at.
const tick = 50 * time.Millisecond

// watch asks for key frames, lets go of packets that wait in vain for others, and ends the session when
// the stream is taken away.
func (p *framesOf) watch(peer Peer) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-p.over:
			close(p.watched)
			return
		case <-p.stream.Done():
			close(p.watched) // first: Close may come back to Ended
			if err := p.stream.Err(); !errors.Is(err, io.EOF) {
				peer.Close(err)
			}
			return
		case <-t.C:
			p.look(p.o.Now())
		}
	}
}

func (p *framesOf) look(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.audio != nil {
		p.audio.drain(now)
	}
	for _, v := range p.layers.sinks {
		v.drain(now)
	}
	p.settle(now)
	p.wish(now)
}

// Connected has nothing to do: the first packets tell more.
func (p *framesOf) Connected() {}

// Track gives the sink of a track. A later track of the same kind and RID takes the place of the earlier.
func (p *framesOf) Track(t Track, peer Peer) Sink {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.Kind == Video {
		return p.newVideo(t, peer)
	}
	var old *trackClock
	if p.audio != nil {
		p.audio.closed = true
		old = p.audio.clock
	}
	p.audio = newAudioSink(p, t, p.time.track(t.ClockRate, old))
	if p.opus == nil {
		p.opus = opusTrack()
		if p.o.Audio != nil && !p.ended {
			p.sound = p.o.Audio(p.writeSound)
		}
	}
	return p.audio
}

func (p *framesOf) newVideo(t Track, peer Peer) *videoSink {
	v := newVideoSink(p, t, peer)
	var clock *trackClock
	if old := p.layers.enter(v); old != nil {
		old.closed = true
		v.id, v.pixels, clock = old.id, old.pixels, old.clock
	}
	v.clock = p.time.track(t.ClockRate, clock)
	v.clock.layer = p.layers.simulcast()
	v.dts, v.pause.floor = v.clock.last, v.clock.last
	if !p.layers.simulcast() {
		p.layers.askedAt = time.Time{}
	}
	p.wish(v.heard)
	return v
}

// writeSound is where an AudioSink's frames come in.
func (p *framesOf) writeSound(f *media.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sound != nil { // else Opus has taken its place
		p.write(f)
	}
}

// write hands a frame to the stream. An error is the stream's end, which watch has seen by itself.
func (p *framesOf) write(f *media.Frame) {
	if !p.ended {
		_ = p.stream.Write(f)
	}
}

// Ended ends the stream: in good order if the client said goodbye, else for the reason given.
func (p *framesOf) Ended(reason error) {
	p.mu.Lock()
	p.ended = true
	sound, started := p.sound, p.peer != nil
	p.sound = nil
	p.mu.Unlock()
	if sound != nil {
		sound.Close()
	}
	p.closing.Wait()
	close(p.over)
	if started {
		<-p.watched
	}
	if errors.Is(reason, io.EOF) {
		p.stream.Close()
	} else {
		p.stream.Stop(reason)
	}
}
