package e2e

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// TestRenditionsOfAnEncoderAreSeenOnAStage: who watches an encoder that sends three video tracks by Enhanced RTMP sees the largest
// picture when its line has shown what it carries, and the next one while that pauses.
func TestRenditionsOfAnEncoderAreSeenOnAStage(t *testing.T) {
	t.Parallel()
	tracks, frames := colours(t)
	th := newTheatre(t)
	created, err := th.stages.CreateIngestConfiguration(t.Context(), &ivsrealtime.CreateIngestConfigurationInput{
		StageArn: &th.stage, IngestProtocol: types.IngestProtocolRtmp, InsecureIngest: true, UserId: aws.String("camera"),
	})
	if err != nil {
		t.Fatal(err)
	}
	stage, err := th.stages.GetStage(t.Context(), &ivsrealtime.GetStageInput{Arn: &th.stage})
	if err != nil {
		t.Fatal(err)
	}
	made := created.IngestConfiguration
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var paused atomic.Bool
	go func() {
		ended <- publishColours(ctx, *stage.Stage.Endpoints.Rtmp+*made.StreamKey, tracks, frames, &paused)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("publisher: %v", err)
		}
	})
	cam := seat{id: *made.ParticipantId}
	eventually(t, 20*time.Second, "the camera publishes", func() bool {
		out, err := th.stages.GetIngestConfiguration(t.Context(), &ivsrealtime.GetIngestConfigurationInput{Arn: made.Arn})
		return err == nil && out.IngestConfiguration.State == types.IngestConfigurationStateActive
	})

	sizes := make(chan *media.Track, 1000) // of the key frames that came
	rtctest.Subscribe(t, th.watching(cam.id), th.seat("guest", subscribe).token, rtctest.Options{H264Only: true, OnPacket: func(p rtctest.Packet) {
		for _, track := range tracks {
			if b := p.RTP.Payload; p.Kind == rtctest.Video && !p.Again && len(b) > 3 && b[0]&0x1F == 24 && bytes.HasPrefix(b[3:], track.SPS) {
				select {
				case sizes <- track:
				case <-ctx.Done():
				}
			}
		}
	}})
	comes := func(want *media.Track) {
		t.Helper()
		timeout := time.After(30 * time.Second)
		for {
			select {
			case got := <-sizes:
				if got == want {
					return
				}
			case <-timeout:
				t.Fatalf("no picture of %d pixels came", want.Width)
			}
		}
	}
	comes(tracks[0])
	paused.Store(true)
	comes(tracks[1])
	th.events(cam, "JOINED", "PUBLISH_STARTED")
}
