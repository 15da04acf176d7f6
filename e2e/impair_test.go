package e2e

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/impair"
)

// A line of 200 ms there and back.
func badLine(loss float64) impair.Options {
	return impair.Options{Loss: loss, Delay: 100 * time.Millisecond, Seed: 7}
}

// modest is what TCP brings through such a line at all: Reno carries 320 kb/s at 5 % loss.
var modest = []string{
	"-hide_banner", "-loglevel", "warning", "-nostdin",
	"-re", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=25", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
	"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50",
	"-sc_threshold", "0", "-b:v", "100k", "-maxrate", "100k", "-bufsize", "100k", "-c:a", "aac", "-b:a", "48k",
}

// line is a bad network that lies between an encoder and the server, and what starts an encoder behind it.
type line struct {
	set     func(impair.Options)
	publish func() *encoder
}

func srtLine(t *testing.T, e *enginetest.Engine, c channel, o impair.Options) line {
	t.Helper()
	url, passphrase := srtURL(t, e, c)
	relay := impair.UDP(t, netip.MustParseAddrPort(e.Addresses().SRT), o)
	url = strings.Replace(url, e.Addresses().SRT, relay.Addr().String(), 1) + "&passphrase=" + passphrase + "&latency=1000000"
	return line{relay.Set, func() *encoder {
		return startEncoder(t, "ffmpeg", append(modest[:len(modest):len(modest)], "-f", "mpegts", url)...)
	}}
}

func rtmpLine(t *testing.T, e *enginetest.Engine, c channel, o impair.Options) line {
	t.Helper()
	pipe := impair.TCP(t, netip.MustParseAddrPort(e.Addresses().RTMP), o)
	url := strings.Replace(c.PublishURL, e.Addresses().RTMP, pipe.Addr().String(), 1)
	return line{pipe.Set, func() *encoder {
		return startEncoder(t, "ffmpeg", append(modest[:len(modest):len(modest)], "-f", "flv", url)...)
	}}
}

// Every part that a viewer gets is whole, over SRT and RTMP alike.
func TestBadLinesCarryStreams(t *testing.T) {
	e := enginetest.Start(t)
	for name, over := range map[string]func(*testing.T, *enginetest.Engine, channel, impair.Options) line{"SRT": srtLine, "RTMP": rtmpLine} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeChannel(t, e.AWS(), e.RTMP)
			enc := over(t, e, c, badLine(0.05)).publish()
			eventually(t, time.Minute, "live", func() bool { return isLive(t, e.AWS(), c) })
			follow(t, mediaURL(t, c.PlaybackURL), 30)
			enc.stillThere(t)
		})
	}
}

func (e *encoder) stillThere(t *testing.T) {
	t.Helper()
	select {
	case <-e.done:
		t.Error("the encoder has given up")
	default:
	}
}
