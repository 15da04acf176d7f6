package sfubench

import (
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/streamcat/streamcat/internal/gauge"
)

// Floor measures what it costs one thread, per packet, to seal and send one publisher's stream to as many
// sockets, with nothing else to do: AES-128-GCM by the same library, and one sendto per packet.
func Floor(subscribers int, d time.Duration) (time.Duration, error) {
	out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer out.Close()
	type line struct {
		to  *net.UDPAddr
		ctx *srtp.Context
	}
	var lines []line
	var readers sync.WaitGroup
	defer readers.Wait()
	for range subscribers {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, err
		}
		defer c.Close()
		readers.Go(func() {
			b := make([]byte, 2048)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		})
		ctx, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			return 0, err
		}
		lines = append(lines, line{c.LocalAddr().(*net.UDPAddr), ctx})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h := rtp.Header{Version: 2, PayloadType: 102, SSRC: 1}
	buf := make([]byte, 0, 2048)
	sent := 0
	before, err := gauge.ThreadCPU()
	if err != nil {
		return 0, err
	}
	tick := time.NewTicker(frameGap)
	defer tick.Stop()
	for n := range int(d / frameGap) {
		for _, p := range frame(n%keyEvery == 0, time.Time{}) {
			for _, l := range lines {
				size, err := h.MarshalTo(buf[:cap(buf)])
				if err != nil {
					return 0, err
				}
				b := append(buf[:size], p.bytes...)
				sealed, err := l.ctx.EncryptRTP(b, b, &h)
				if err != nil {
					return 0, err
				}
				if _, err := out.WriteToUDP(sealed, l.to); err != nil {
					return 0, err
				}
				sent++
			}
			h.SequenceNumber++
		}
		<-tick.C
	}
	after, err := gauge.ThreadCPU()
	return (after - before) / time.Duration(max(sent, 1)), err
}
