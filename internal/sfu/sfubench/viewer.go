package sfubench

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// viewer is a subscriber that reads and drops.
type viewer struct {
	pc      *webrtc.PeerConnection
	session string
	once    sync.Once
	done    chan struct{} // closed with the last packet read
	ready   chan struct{} // closed with the first whole key frame
	started atomic.Bool
	packets atomic.Int64
	measure atomic.Bool

	// Of the reading goroutine; to be read when ready or done is closed.
	first, whole time.Time
	late         struct{ key, other []time.Duration }
}

func subscribe(ctx context.Context, door, token string) (*viewer, error) {
	pc, err := newPeer()
	if err != nil {
		return nil, err
	}
	v := &viewer{pc: pc, done: make(chan struct{}), ready: make(chan struct{})}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if v.started.CompareAndSwap(false, true) {
			v.read(t)
		}
	})
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return nil, err
	}
	if v.session, err = dial(ctx, pc, door, token); err != nil {
		_ = pc.Close()
		return nil, err
	}
	return v, nil
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
		v.packets.Add(1)
		if v.first.IsZero() {
			v.first = now
		}
		if n < headerSize+fuHeader+stampSize || b[headerSize] != 0x7C {
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
		if fu&0x40 == 0 || !v.measure.Load() {
			continue
		}
		made := time.Unix(0, int64(binary.BigEndian.Uint64(b[headerSize+fuHeader:])))
		if key {
			v.late.key = append(v.late.key, now.Sub(made))
		} else {
			v.late.other = append(v.late.other, now.Sub(made))
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
	v.once.Do(func() {
		leave(v.pc, v.session)
		if v.started.Load() {
			<-v.done
		}
	})
}

func received(crowd []*viewer) (n int64) {
	for _, v := range crowd {
		n += v.packets.Load()
	}
	return n
}

func measuring(crowd []*viewer, on bool) {
	for _, v := range crowd {
		v.measure.Store(on)
	}
}
