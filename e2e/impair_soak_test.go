//go:build soak

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/impair"
)

var lines = map[string]func(*testing.T, *enginetest.Engine, channel, impair.Options) line{"SRT": srtLine, "RTMP": rtmpLine}

func TestSoakBadLines(t *testing.T) {
	e := enginetest.Start(t)
	for name, over := range lines {
		for _, loss := range []float64{0.01, 0.05} {
			t.Run(fmt.Sprintf("%s, %v lost", name, loss), func(t *testing.T) {
				c := makeChannel(t, e.AWS(), e.RTMP)
				enc := over(t, e, c, badLine(loss)).publish()
				eventually(t, time.Minute, "live", func() bool { return isLive(t, e.AWS(), c) })
				follow(t, mediaURL(t, c.PlaybackURL), 300) // a minute and a half
				enc.stillThere(t)
			})
		}
	}
}

// After twenty seconds without a line the stream goes on, in one session: the encoder is started again, as
// its operator would have it do, as often as it gives up.
func TestSoakBlackout(t *testing.T) {
	e := enginetest.Start(t)
	for name, over := range lines {
		t.Run(name, func(t *testing.T) {
			c := makeChannel(t, e.AWS(), e.RTMP)
			l := over(t, e, c, badLine(0.01))
			enc := l.publish()
			eventually(t, time.Minute, "live", func() bool { return isLive(t, e.AWS(), c) })
			media := mediaURL(t, c.PlaybackURL)
			follow(t, media, 20)

			dark := badLine(0.01)
			dark.Block = true
			l.set(dark)
			light := time.AfterFunc(20*time.Second, func() { l.set(badLine(0.01)) })
			defer light.Stop()
			over := time.NewTimer(40 * time.Second)
			defer over.Stop()
			tries := 1
			for done := false; !done; {
				select {
				case <-enc.done:
					enc = l.publish()
					tries++
				case <-over.C:
					done = true
				}
			}
			t.Logf("the encoder was started %d times", tries)
			eventually(t, time.Minute, "live again", func() bool { return isLive(t, e.AWS(), c) })
			follow(t, media, 30)
			got, err := ivs.NewFromConfig(e.AWS()).ListStreamSessions(t.Context(), &ivs.ListStreamSessionsInput{ChannelArn: &c.ARN})
			if err != nil || len(got.StreamSessions) != 1 {
				t.Errorf("sessions: %+v, %v", got, err)
			}
		})
	}
}
