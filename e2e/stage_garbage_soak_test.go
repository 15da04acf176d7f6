//go:build soak

package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestGarbageFromPublishersHarmsNobody has three participants talk while others publish what they did not offer, far too much,
// what is not sealed, and descriptions without end, each over and over. The talkers lose nothing, who is cut is told why,
// and nothing stays behind.
func TestGarbageFromPublishersHarmsNobody(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	th := theatreOn(t, nil, p.URL, p.aws())
	c := converse(t, th, 3)
	for _, attack := range rtctest.Rude {
		t.Run(attack.Name, func(t *testing.T) {
			cuts := 0
			leaves(t, p, func() {
				for end := time.Now().Add(soakTime() / 5); time.Now().Before(end) || cuts == 0; cuts++ {
					who := th.seat("rude", publish)
					one, err := rtctest.DialPublisher(t.Context(), th.whip(), who.token, rtctest.Options{NoAudio: true, H264Only: true, Media: rtctest.Media{Hold: true}})
					if err != nil {
						t.Fatal(err)
					}
					defer one.Close()
					raw, err := one.Raw()
					if err != nil {
						t.Fatal(err)
					}
					name := `streamcat_rtc_ends_total{reason="` + attack.Ends + `"}`
					before := metricOr(t, p, name, 0)
					attack.Pour(t, raw, func() bool { return metricOr(t, p, name, 0) > before })
					one.Close()
					th.failed(who, attack.Code)
				}
				c.whole(t)
			})
			t.Logf("%d were cut", cuts)
		})
	}
	t.Run("what is not sealed", func(t *testing.T) {
		leaves(t, p, func() {
			one, err := rtctest.DialPublisher(t.Context(), th.whip(), th.seat("rude", publish).token, rtctest.Options{NoAudio: true, H264Only: true, Mortal: true})
			if err != nil {
				t.Fatal(err)
			}
			defer one.Close()
			tick := time.NewTicker(6 * time.Millisecond)
			defer tick.Stop()
			ctx, cancel := context.WithTimeout(t.Context(), soakTime()/5)
			defer cancel()
			for i := 0; ctx.Err() == nil; i++ {
				if err := one.Throw(rtctest.Unsealed(i, 1+i%1300)); err != nil {
					t.Fatal(err)
				}
				if i%50 == 0 {
					<-tick.C
				}
			}
			if metric(t, p, `streamcat_rtc_packets_dropped_total{reason="sealed"}`) == 0 {
				t.Error("nothing was dropped")
			}
			c.whole(t)
		})
	})
	t.Run("descriptions without end", func(t *testing.T) {
		who, asked := th.seat("rude", publish), 0
		leaves(t, p, func() {
			for end := time.Now().Add(soakTime() / 5); time.Now().Before(end) || asked < 3; asked++ {
				giant := rtctest.Giants[asked%len(rtctest.Giants)]
				_, err := rtctest.DialPublisher(t.Context(), th.whip(), who.token, rtctest.Options{NoAudio: true, Offer: giant.Offer})
				var refused *rtctest.Refused
				if !errors.As(err, &refused) || refused.Status != giant.Status || refused.Code == "" {
					t.Fatalf("got %.200v, want a problem document of %d", err, giant.Status)
				}
			}
			c.whole(t)
		})
		t.Logf("%d were refused", asked)
	})
}

// failed waits until the API tells of a participant's PUBLISH_ERROR.
func (th *theatre) failed(who seat, code string) {
	th.t.Helper()
	var got []string
	eventually(th.t, 20*time.Second, "PUBLISH_ERROR "+code, func() bool {
		sessions, err := th.stages.ListStageSessions(th.t.Context(), &ivsrealtime.ListStageSessionsInput{StageArn: &th.stage})
		if err != nil {
			th.t.Fatal(err)
		}
		out, err := th.stages.ListParticipantEvents(th.t.Context(), &ivsrealtime.ListParticipantEventsInput{
			StageArn: &th.stage, SessionId: sessions.StageSessions[0].SessionId, ParticipantId: &who.id,
		})
		if err != nil {
			th.t.Fatal(err)
		}
		got = got[:0]
		for _, e := range out.Events {
			if e.Name == "PUBLISH_ERROR" {
				got = append(got, string(e.ErrorCode))
			}
		}
		return len(got) == 1 && got[0] == code
	})
}
