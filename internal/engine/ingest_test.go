package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// An encoder with the stream key of an ingest configuration publishes to its stage over real WebRTC.
func TestEncoderPublishesToAStageWithAStreamKey(t *testing.T) {
	e := enginetest.Start(t)
	ctx := t.Context()
	client := ivsrealtime.NewFromConfig(e.AWS())
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateStage(ctx, &ivsrealtime.CreateStageInput{ParticipantTokenConfigurations: []types.ParticipantTokenConfiguration{{UserId: aws.String("viewer")}}})
	fail(err)
	stage := made.Stage.Arn
	created, err := client.CreateIngestConfiguration(ctx, &ivsrealtime.CreateIngestConfigurationInput{
		StageArn: stage, IngestProtocol: types.IngestProtocolRtmps, UserId: aws.String("cam"), Attributes: map[string]string{"a": "b"},
	})
	fail(err)
	in := created.IngestConfiguration

	publisher := rtctest.Publish(t, e.URL+"/whip", *in.StreamKey, rtctest.Options{})
	state := func(want types.IngestConfigurationState) {
		t.Helper()
		within, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		for {
			got, err := client.GetIngestConfiguration(within, &ivsrealtime.GetIngestConfigurationInput{Arn: in.Arn})
			fail(err)
			if got.IngestConfiguration.State == want {
				return
			}
		}
	}
	state(types.IngestConfigurationStateActive)
	subscriber := rtctest.Subscribe(t, e.URL+"/whip/subscribe/"+*in.ParticipantId, *made.ParticipantTokens[0].Token, rtctest.Options{})
	subscriber.AwaitKeyFrame(t)
	subscriber.Await(t, "audio", 5)

	sessions, err := client.ListStageSessions(ctx, &ivsrealtime.ListStageSessionsInput{StageArn: stage})
	fail(err)
	got, err := client.GetParticipant(ctx, &ivsrealtime.GetParticipantInput{StageArn: stage, SessionId: sessions.StageSessions[0].SessionId, ParticipantId: in.ParticipantId})
	fail(err)
	if p := got.Participant; *p.UserId != "cam" || p.Attributes["a"] != "b" || p.Protocol != types.ParticipantProtocolWhip || !p.Published || p.State != types.ParticipantStateConnected {
		t.Errorf("participant %+v", p)
	}

	_, err = client.DisconnectParticipant(ctx, &ivsrealtime.DisconnectParticipantInput{StageArn: stage, ParticipantId: in.ParticipantId})
	fail(err)
	state(types.IngestConfigurationStateInactive)
	_, err = rtctest.DialPublisher(ctx, e.URL+"/whip", *in.StreamKey, rtctest.Options{})
	var closed *rtctest.Refused
	if !errors.As(err, &closed) || closed.Status != 403 || closed.Code != "INGEST_UNATTACHED" {
		t.Errorf("a key without a stage: %v", err)
	}
	publisher.Close()
	_, err = client.UpdateIngestConfiguration(ctx, &ivsrealtime.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: stage})
	fail(err)
	again := rtctest.Publish(t, e.URL+"/whip", *in.StreamKey, rtctest.Options{})
	state(types.IngestConfigurationStateActive)
	again.Leave(t)
	state(types.IngestConfigurationStateInactive)
	if log := e.Log(); strings.Contains(log, *in.StreamKey) {
		t.Error("the log holds the stream key")
	}
}
