package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// TestAnEncoderIsSeenOnAStage has ffmpeg publish to a stage by RTMPS with the stream key of an ingest configuration, and
// Chromium watch it: the picture that was sent, and its tone, until the participant is disconnected.
func TestAnEncoderIsSeenOnAStage(t *testing.T) {
	e := enginetest.Start(t, enginetest.TLS(t, tlstest.New(t)))
	th := theatreOn(t, e, e.HTTPS, e.AWS())
	ctx := t.Context()
	created, err := th.stages.CreateIngestConfiguration(ctx, &ivsrealtime.CreateIngestConfigurationInput{
		StageArn: &th.stage, IngestProtocol: types.IngestProtocolRtmps, UserId: aws.String("camera"),
	})
	if err != nil {
		t.Fatal(err)
	}
	made := created.IngestConfiguration
	stage, err := th.stages.GetStage(ctx, &ivsrealtime.GetStageInput{Arn: &th.stage})
	if err != nil {
		t.Fatal(err)
	}
	address, cam := *stage.Stage.Endpoints.Rtmps+*made.StreamKey, seat{id: *made.ParticipantId}
	state := func(want types.IngestConfigurationState) (got *types.IngestConfiguration) {
		t.Helper()
		eventually(t, 20*time.Second, string(want), func() bool {
			out, err := th.stages.GetIngestConfiguration(ctx, &ivsrealtime.GetIngestConfigurationInput{Arn: made.Arn})
			if err != nil {
				t.Fatal(err)
			}
			got = out.IngestConfiguration
			return got.State == want
		})
		return got
	}

	encoder := ffmpeg(t, address, picture{gop: "30", extra: []string{"-vf", "colorchannelmixer=gg=0.1:bb=0.1"}})
	state(types.IngestConfigurationStateActive)
	chromium := startScriptWith(t, []string{"TOKEN=" + th.seat("viewer", subscribe).token}, "browser/foreign.mjs", "view", "plain", th.watching(cam.id))
	chromium.hear("viewing")
	chromium.cue("look")
	looked := chromium.hear("looked")
	rgb, _ := looked["colour"].([]any)
	if len(rgb) != 3 || rgb[0].(float64) < 60 || rgb[0].(float64) < 3*max(rgb[1].(float64), rgb[2].(float64)) {
		t.Errorf("the picture that was sent is red, seen was %v", rgb)
	}
	if hz := looked["hz"].(float64); hz < 420 || hz > 460 {
		t.Errorf("the tone that was sent has 440 Hz, heard were %v", hz)
	}
	if p := th.participant(cam); p.Protocol != types.ParticipantProtocolRtmps || p.State != types.ParticipantStateConnected || !p.Published || *p.UserId != "camera" {
		t.Errorf("participant %+v", p)
	}

	if _, err := th.stages.DisconnectParticipant(ctx, &ivsrealtime.DisconnectParticipantInput{StageArn: &th.stage, ParticipantId: &cam.id}); err != nil {
		t.Fatal(err)
	}
	if !encoder.ended(20 * time.Second) {
		t.Error("the encoder goes on")
	}
	once := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}
	th.events(cam, once...)
	if got := state(types.IngestConfigurationStateInactive); *got.StageArn != "" {
		t.Errorf("it is attached to %s", *got.StageArn)
	}
	chromium.cue("stop")
	chromium.hear("done")

	if _, err := th.stages.UpdateIngestConfiguration(ctx, &ivsrealtime.UpdateIngestConfigurationInput{Arn: made.Arn, StageArn: &th.stage}); err != nil {
		t.Fatal(err)
	}
	reordered := ffmpeg(t, address, picture{extra: []string{"-bf", "2"}})
	if !reordered.ended(20*time.Second) || !strings.Contains(reordered.said(), "B-frames") {
		t.Errorf("an encoder with B-frames is told %s", reordered.said())
	}
	th.events(cam, append(once, "JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR", "PUBLISH_STOPPED", "LEFT")...)
	if strings.Contains(e.Log(), *made.StreamKey) {
		t.Error("the stream key is in the log")
	}
}

// participant is what the API tells of a participant in the stage's newest session.
func (th *theatre) participant(s seat) *types.Participant {
	th.t.Helper()
	sessions, err := th.stages.ListStageSessions(th.t.Context(), &ivsrealtime.ListStageSessionsInput{StageArn: &th.stage})
	if err != nil {
		th.t.Fatal(err)
	}
	out, err := th.stages.GetParticipant(th.t.Context(), &ivsrealtime.GetParticipantInput{StageArn: &th.stage, SessionId: sessions.StageSessions[0].SessionId, ParticipantId: &s.id})
	if err != nil {
		th.t.Fatal(err)
	}
	return out.Participant
}
