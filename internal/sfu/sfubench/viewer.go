package sfubench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// viewer is a subscriber to one publisher that reads and drops.
type viewer struct {
	pc      *webrtc.PeerConnection
	leave   func()        // what all over this connection do once
	done    chan struct{} // closed with the last packet read
	ready   chan struct{} // closed with the first whole key frame
	started atomic.Bool
	counted *span

	// Of the reading goroutine; first and whole are to be read when ready is closed, the others when done is.
	first, whole time.Time
	got          int // packets that count
	late         struct{ key, other []time.Duration }
}

// subscribe opens a connection, and gives a viewer for each picture that comes over it.
func subscribe(ctx context.Context, door Door, counted *span) ([]*viewer, error) {
	pc, err := newPeer(false)
	if err != nil {
		return nil, err
	}
	var session string
	goodbye := sync.OnceFunc(func() { leave(pc, session) })
	crowd := make([]*viewer, max(door.Pictures, 1))
	for i := range crowd {
		crowd[i] = &viewer{pc: pc, leave: goodbye, counted: counted, done: make(chan struct{}), ready: make(chan struct{})}
		_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			_ = pc.Close()
			return nil, err
		}
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for _, v := range crowd {
			if v.started.CompareAndSwap(false, true) {
				v.read(t)
				return
			}
		}
	})
	if session, err = dial(ctx, pc, door); err != nil {
		_ = pc.Close()
		return nil, err
	}
	return crowd, nil
}

func (v *viewer) read(t *webrtc.TrackRemote) {
	defer close(v.done)
	b := make([]byte, 1500)
	fresh := 0 // packets of the key frame that is coming
	for {
		n, _, err := t.Read(b)
		if err != nil {
			return
		}
		now := time.Now()
		if v.first.IsZero() {
			v.first = now
		}
		made := stamp(b[headerSize:max(n, headerSize)])
		if made == 0 {
			continue
		}
		fu := b[headerSize+1]
		key := fu&0x1F == 5
		if key && v.whole.IsZero() {
			if fresh++; fu&0x80 != 0 {
				fresh = 1
			}
			switch {
			case fu&0x40 == 0:
			case fresh == keyPackets:
				v.whole = now
				close(v.ready)
			default: // some of it was lost
				_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
			}
		}
		if !v.counted.holds(made) {
			continue
		}
		v.got++
		late := now.Sub(time.Unix(0, made))
		switch {
		case fu&0x40 == 0:
		case key:
			v.late.key = append(v.late.key, late)
		default:
			v.late.other = append(v.late.other, late)
		}
	}
}

// await waits for the first whole key frame.
func (v *viewer) await(ctx context.Context) error {
	select {
	case <-v.ready:
		return nil
	case <-time.After(15 * time.Second):
		return errors.New("no key frame in 15 s")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *viewer) close() {
	v.leave()
	if v.started.Load() {
		<-v.done
	}
}
