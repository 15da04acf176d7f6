package e2e

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	rt "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// Without TLS there is no RTMPS, and without a session none is active.
var quietStage = []string{"Stage.ActiveSessionId", "Stage.Endpoints.Rtmps"}

func (g *gopher) stages() {
	c := rt.NewFromConfig(g.aws)
	token := types.ParticipantTokenConfiguration{UserId: aws.String("ann"), Attributes: tagged}
	stage := works(g, c.CreateStage, &rt.CreateStageInput{ParticipantTokenConfigurations: []types.ParticipantTokenConfiguration{token}}, quietStage...).Stage.Arn
	works(g, c.GetStage, &rt.GetStageInput{Arn: stage}, quietStage...)
	works(g, c.UpdateStage, &rt.UpdateStageInput{Arn: stage, Name: aws.String("gopher")}, quietStage...)
	works(g, c.CreateParticipantToken, &rt.CreateParticipantTokenInput{StageArn: stage, UserId: aws.String("ann"), Attributes: tagged})

	works(g, c.TagResource, &rt.TagResourceInput{ResourceArn: stage, Tags: tagged})
	works(g, c.ListTagsForResource, &rt.ListTagsForResourceInput{ResourceArn: stage})
	works(g, c.UntagResource, &rt.UntagResourceInput{ResourceArn: stage, TagKeys: []string{"a"}})

	ingest := works(g, c.CreateIngestConfiguration, &rt.CreateIngestConfigurationInput{IngestProtocol: types.IngestProtocolRtmps, StageArn: stage}).IngestConfiguration.Arn
	works(g, c.GetIngestConfiguration, &rt.GetIngestConfigurationInput{Arn: ingest})
	works(g, c.ListIngestConfigurations, &rt.ListIngestConfigurationsInput{})
	works(g, c.UpdateIngestConfiguration, &rt.UpdateIngestConfigurationInput{Arn: ingest, StageArn: aws.String("")})
	works(g, c.DeleteIngestConfiguration, &rt.DeleteIngestConfigurationInput{Arn: ingest})

	key := works(g, c.ImportPublicKey, &rt.ImportPublicKeyInput{PublicKeyMaterial: g.publicKey()}).PublicKey.Arn
	works(g, c.GetPublicKey, &rt.GetPublicKeyInput{Arn: key})
	works(g, c.ListPublicKeys, &rt.ListPublicKeysInput{})
	works(g, c.DeletePublicKey, &rt.DeletePublicKeyInput{Arn: key})
	works(g, c.DeleteStage, &rt.DeleteStageInput{Arn: stage})
}

func (g *gopher) participants() {
	c := rt.NewFromConfig(g.aws)
	ctx := g.t.Context()
	made, err := c.CreateStage(ctx, &rt.CreateStageInput{})
	if err != nil {
		g.t.Fatal(err)
	}
	stage := made.Stage
	token, err := c.CreateParticipantToken(ctx, &rt.CreateParticipantTokenInput{StageArn: stage.Arn, UserId: aws.String("ann"), Attributes: tagged})
	if err != nil {
		g.t.Fatal(err)
	}
	id := token.ParticipantToken.ParticipantId
	rtctest.Publish(g.t, *stage.Endpoints.Whip, *token.ParticipantToken.Token, rtctest.Options{Media: rtctest.Media{Bitrate: 200_000, FrameRate: 10}})
	var session *string
	g.eventually("the participant publishes", func() bool {
		got, err := c.GetStage(ctx, &rt.GetStageInput{Arn: stage.Arn})
		if err != nil || got.Stage.ActiveSessionId == nil {
			return false
		}
		session = got.Stage.ActiveSessionId
		who, err := c.GetParticipant(ctx, &rt.GetParticipantInput{StageArn: stage.Arn, SessionId: session, ParticipantId: id})
		return err == nil && who.Participant.Published
	})
	works(g, c.ListStages, &rt.ListStagesInput{MaxResults: aws.Int32(100)})
	works(g, c.GetStageSession, &rt.GetStageSessionInput{StageArn: stage.Arn, SessionId: session}, "StageSession.EndTime")
	works(g, c.ListStageSessions, &rt.ListStageSessionsInput{StageArn: stage.Arn}, "StageSessions.EndTime")
	works(g, c.GetParticipant, &rt.GetParticipantInput{StageArn: stage.Arn, SessionId: session, ParticipantId: id})
	works(g, c.ListParticipants, &rt.ListParticipantsInput{StageArn: stage.Arn, SessionId: session})
	works(g, c.ListParticipantEvents, &rt.ListParticipantEventsInput{StageArn: stage.Arn, SessionId: session, ParticipantId: id},
		"Events.ErrorCode", "Events.RemoteParticipantId")
	works(g, c.DisconnectParticipant, &rt.DisconnectParticipantInput{StageArn: stage.Arn, ParticipantId: id})
}

func (g *gopher) compositions() {
	c := rt.NewFromConfig(g.aws)
	stage, err := c.CreateStage(g.t.Context(), &rt.CreateStageInput{})
	if err != nil {
		g.t.Fatal(err)
	}
	encoder := works(g, c.CreateEncoderConfiguration, &rt.CreateEncoderConfigurationInput{}).EncoderConfiguration.Arn
	works(g, c.GetEncoderConfiguration, &rt.GetEncoderConfigurationInput{Arn: encoder})
	works(g, c.ListEncoderConfigurations, &rt.ListEncoderConfigurationsInput{})
	storage := works(g, c.CreateStorageConfiguration, &rt.CreateStorageConfigurationInput{
		S3: &types.S3StorageConfiguration{BucketName: aws.String("recordings")},
	}).StorageConfiguration.Arn
	works(g, c.GetStorageConfiguration, &rt.GetStorageConfigurationInput{Arn: storage})
	works(g, c.ListStorageConfigurations, &rt.ListStorageConfigurationsInput{})

	// One layout, one kind of destination, and media that have not begun.
	const to = "Composition.Destinations."
	kept := types.S3DestinationConfiguration{
		StorageConfigurationArn: storage, EncoderConfigurationArns: []string{*encoder},
		ThumbnailConfigurations: []types.CompositionThumbnailConfiguration{{}},
	}
	composition := works(g, c.StartComposition, &rt.StartCompositionInput{
		StageArn: stage.Stage.Arn, Destinations: []types.DestinationConfiguration{{S3: &kept}},
	}, "Composition.EndTime", "Composition.Layout.Pip", "Composition.Layout.Grid.VideoFillMode", to+"Configuration.Channel", to+"StartTime", to+"EndTime").Composition.Arn
	works(g, c.StopComposition, &rt.StopCompositionInput{Arn: composition})
	works(g, c.GetComposition, &rt.GetCompositionInput{Arn: composition},
		"Composition.Layout.Pip", "Composition.Layout.Grid.VideoFillMode", to+"Configuration.Channel", to+"StartTime")
	works(g, c.ListCompositions, &rt.ListCompositionsInput{}, "Compositions.Destinations.StartTime")
	works(g, c.DeleteEncoderConfiguration, &rt.DeleteEncoderConfigurationInput{Arn: encoder})
	works(g, c.DeleteStorageConfiguration, &rt.DeleteStorageConfigurationInput{Arn: storage})
}
