package ivsrealtime_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

var unexported = cmpopts.IgnoreUnexported(
	types.Stage{}, types.StageEndpoints{}, types.StageSummary{}, types.AutoParticipantRecordingConfiguration{},
	types.ParticipantThumbnailConfiguration{},
)

// notRecorded is what a stage shows that records nobody, as far as this SDK knows it.
func notRecorded() *types.AutoParticipantRecordingConfiguration {
	return &types.AutoParticipantRecordingConfiguration{
		StorageConfigurationArn: aws.String(""),
		MediaTypes:              []types.ParticipantRecordingMediaType{types.ParticipantRecordingMediaTypeAudioVideo},
		ThumbnailConfiguration: &types.ParticipantThumbnailConfiguration{
			RecordingMode:         types.ThumbnailRecordingModeDisabled,
			Storage:               []types.ThumbnailStorageType{types.ThumbnailStorageTypeSequential},
			TargetIntervalSeconds: aws.Int32(60),
		},
	}
}

func shownEndpoints() *types.StageEndpoints {
	return &types.StageEndpoints{Events: &endpoints.Events, Whip: &endpoints.Whip, Rtmp: &endpoints.Rtmp}
}

func TestStageIsShownInFull(t *testing.T) {
	s := start(t)
	made, err := s.client.CreateStage(t.Context(), &sdk.CreateStageInput{Name: aws.String("one"), Tags: map[string]string{"project": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := arn.Parse(*made.Stage.Arn)
	if err != nil || a.Kind != arn.Stage || a.Service != "ivs" || len(a.ID) != 12 {
		t.Errorf("arn %q: %v", *made.Stage.Arn, err)
	}
	want := &types.Stage{
		Arn: made.Stage.Arn, Name: aws.String("one"), Tags: map[string]string{"project": "x"},
		Endpoints: shownEndpoints(), AutoParticipantRecordingConfiguration: notRecorded(),
	}
	if d := cmp.Diff(want, made.Stage, unexported); d != "" {
		t.Errorf("created: %s", d)
	}
	if made.ParticipantTokens != nil {
		t.Errorf("tokens nobody asked for: %v", made.ParticipantTokens)
	}
	got := must[*sdk.GetStageOutput](t)(s.client.GetStage(t.Context(), &sdk.GetStageInput{Arn: made.Stage.Arn}))
	if d := cmp.Diff(want, got.Stage, unexported); d != "" {
		t.Errorf("got: %s", d)
	}
}

func TestStageOfAnEmptyRequestHasDefaults(t *testing.T) {
	s := start(t)
	made := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{}))
	want := &types.Stage{
		Arn: made.Stage.Arn, Name: aws.String(""), Tags: map[string]string{},
		Endpoints: shownEndpoints(), AutoParticipantRecordingConfiguration: notRecorded(),
	}
	if d := cmp.Diff(want, made.Stage, unexported); d != "" {
		t.Error(d)
	}
}

// The SDK for Go does not know all members of a stage yet, so these are written by hand.
func TestRecordingOfAStage(t *testing.T) {
	s := start(t)
	storage := minter.New(arn.StorageConfiguration)
	other := store.NewCollection[struct{}](s.db, arn.StorageConfiguration, nil)
	if _, err := other.Insert(t.Context(), storage, &struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	const off = `{"storageConfigurationArn": "", "mediaTypes": ["AUDIO_VIDEO"], "recordingReconnectWindowSeconds": 0, "recordParticipantReplicas": true,
		"hlsConfiguration": {"targetSegmentDurationSeconds": 6},
		"thumbnailConfiguration": {"recordingMode": "DISABLED", "targetIntervalSeconds": 60, "storage": ["SEQUENTIAL"]}}`
	const on = `{"storageConfigurationArn": "STORAGE", "mediaTypes": ["AUDIO_ONLY"], "recordingReconnectWindowSeconds": 30, "recordParticipantReplicas": true,
		"hlsConfiguration": {"targetSegmentDurationSeconds": 2},
		"thumbnailConfiguration": {"recordingMode": "DISABLED", "targetIntervalSeconds": 60, "storage": ["SEQUENTIAL"]}}`
	const more = `{"storageConfigurationArn": "STORAGE", "mediaTypes": ["AUDIO_ONLY"], "recordingReconnectWindowSeconds": 30, "recordParticipantReplicas": false,
		"hlsConfiguration": {"targetSegmentDurationSeconds": 2},
		"thumbnailConfiguration": {"recordingMode": "INTERVAL", "targetIntervalSeconds": 60, "storage": ["LATEST", "SEQUENTIAL"]}}`
	stage := ""
	for _, c := range []struct{ name, operation, ask, want string }{
		{"absent means off", "CreateStage", `{}`, off},
		{
			"empty storage means off whatever else is said", "CreateStage",
			`{"autoParticipantRecordingConfiguration": {"storageConfigurationArn": "", "recordingReconnectWindowSeconds": 200}}`, off,
		},
		{
			"on with some members", "CreateStage",
			`{"autoParticipantRecordingConfiguration": {"storageConfigurationArn": "STORAGE", "mediaTypes": ["AUDIO_ONLY"],
			"recordingReconnectWindowSeconds": 30, "hlsConfiguration": {"targetSegmentDurationSeconds": 2}}}`, on,
		},
		{
			"absent members and empty lists stay", "UpdateStage",
			`{"arn": "STAGE", "autoParticipantRecordingConfiguration": {"storageConfigurationArn": "STORAGE", "mediaTypes": [],
			"recordParticipantReplicas": false, "hlsConfiguration": {},
			"thumbnailConfiguration": {"recordingMode": "INTERVAL", "storage": ["LATEST", "SEQUENTIAL"]}}}`, more,
		},
		{"a new name alone", "UpdateStage", `{"arn": "STAGE", "name": "two"}`, more},
		{"off puts all back", "UpdateStage", `{"arn": "STAGE", "autoParticipantRecordingConfiguration": {"storageConfigurationArn": ""}}`, off},
	} {
		names := strings.NewReplacer("STORAGE", storage, "STAGE", stage)
		answer := post(t, s, c.operation, names.Replace(c.ask), 200)
		var got struct {
			Stage struct {
				Arn       string
				Recording json.RawMessage `json:"autoParticipantRecordingConfiguration"`
			}
		}
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		stage = got.Stage.Arn
		if d := cmp.Diff(parsed(t, []byte(names.Replace(c.want))), parsed(t, got.Stage.Recording)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestUpdateStageKeepsTagsAndEndpoints(t *testing.T) {
	s := start(t)
	made := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{Name: aws.String("one"), Tags: map[string]string{"a": "b"}}))
	got := must[*sdk.UpdateStageOutput](t)(s.client.UpdateStage(t.Context(), &sdk.UpdateStageInput{Arn: made.Stage.Arn, Name: aws.String("")}))
	made.Stage.Name = aws.String("")
	if d := cmp.Diff(made.Stage, got.Stage, unexported); d != "" {
		t.Error(d)
	}
}

func TestDeletedStageIsGone(t *testing.T) {
	s := start(t)
	made := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{}))
	must[*sdk.DeleteStageOutput](t)(s.client.DeleteStage(t.Context(), &sdk.DeleteStageInput{Arn: made.Stage.Arn}))
	_, err := s.client.GetStage(t.Context(), &sdk.GetStageInput{Arn: made.Stage.Arn})
	e := wants[*types.ResourceNotFoundException](t, err)
	if e.ExceptionMessage == nil || !strings.Contains(*e.ExceptionMessage, *made.Stage.Arn) {
		t.Errorf("message: %v", e.ExceptionMessage)
	}
	_, err = s.client.DeleteStage(t.Context(), &sdk.DeleteStageInput{Arn: made.Stage.Arn})
	wants[*types.ResourceNotFoundException](t, err)
	_, err = s.client.CreateParticipantToken(t.Context(), &sdk.CreateParticipantTokenInput{StageArn: made.Stage.Arn})
	wants[*types.ResourceNotFoundException](t, err)
}

func TestListStagesPagesThroughAllNewestFirst(t *testing.T) {
	s := start(t)
	var want []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		made := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{Name: &name, Tags: map[string]string{"n": name}}))
		want = append([]string{*made.Stage.Arn}, want...)
	}
	var got []string
	pages := sdk.NewListStagesPaginator(s.client, &sdk.ListStagesInput{MaxResults: aws.Int32(2), NextToken: aws.String("")})
	for n := 1; pages.HasMorePages(); n++ {
		page := must[*sdk.ListStagesOutput](t)(pages.NextPage(t.Context()))
		for _, st := range page.Stages {
			got = append(got, *st.Arn)
			if st.Tags["n"] != *st.Name {
				t.Errorf("tags of %s: %v", *st.Name, st.Tags)
			}
		}
		if n == 1 { // what comes later does not move what is left to read
			must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{}))
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	_, err := s.client.ListStages(t.Context(), &sdk.ListStagesInput{NextToken: aws.String("bm90IG91cnM")})
	wants[*types.ValidationException](t, err)
}

func TestStageRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(ctx, &sdk.CreateStageInput{})).Stage.Arn
	missing := minter.New(arn.Stage)
	long := strings.Repeat("x", 129)
	get := func(name string) func() error {
		return func() error {
			_, err := s.client.GetStage(ctx, &sdk.GetStageInput{Arn: &name})
			return err
		}
	}
	create := func(in sdk.CreateStageInput) func() error {
		return func() error {
			_, err := s.client.CreateStage(ctx, &in)
			return err
		}
	}
	storage := minter.New(arn.StorageConfiguration)
	recording := &types.AutoParticipantRecordingConfiguration{StorageConfigurationArn: &storage}
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"get of none", get(missing), "ResourceNotFoundException"},
		{"get in another account", get(strings.Replace(*stage, "000000000000", "000000000001", 1)), "ResourceNotFoundException"},
		{"get in another region", get(strings.Replace(*stage, "us-east-1", "eu-west-1", 1)), "ValidationException"},
		{"get of another kind", get(minter.New(arn.Channel)), "ValidationException"},
		{"get of nonsense", get("stage"), "ValidationException"},
		{"get of a name that is too long", get(minter.Of(arn.Stage, long)), "ValidationException"},
		{"name too long", create(sdk.CreateStageInput{Name: &long}), "ValidationException"},
		{"name with a space", create(sdk.CreateStageInput{Name: aws.String("a b")}), "ValidationException"},
		{"13 tokens", create(sdk.CreateStageInput{ParticipantTokenConfigurations: make([]types.ParticipantTokenConfiguration, 13)}), "ValidationException"},
		{"reserved tag", create(sdk.CreateStageInput{Tags: map[string]string{"aws:x": "y"}}), "ValidationException"},
		// CreateStage knows no ResourceNotFoundException.
		{"create with a missing storage", create(sdk.CreateStageInput{AutoParticipantRecordingConfiguration: recording}), "ValidationException"},
		{"update to a missing storage", func() error {
			_, err := s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: stage, AutoParticipantRecordingConfiguration: recording})
			return err
		}, "ResourceNotFoundException"},
		{"update of none", func() error {
			_, err := s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: &missing})
			return err
		}, "ResourceNotFoundException"},
		{"delete in another region", func() error {
			_, err := s.client.DeleteStage(ctx, &sdk.DeleteStageInput{Arn: aws.String(strings.Replace(*stage, "us-east-1", "eu-west-1", 1))})
			return err
		}, "ValidationException"},
		{"page too large", func() error {
			_, err := s.client.ListStages(ctx, &sdk.ListStagesInput{MaxResults: aws.Int32(101)})
			return err
		}, "ValidationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch err := c.call(); c.want {
			case "ValidationException":
				if e := wants[*types.ValidationException](t, err); e.ExceptionMessage == nil || *e.ExceptionMessage == "" {
					t.Error("no message")
				}
			default:
				if e := wants[*types.ResourceNotFoundException](t, err); e.ExceptionMessage == nil || *e.ExceptionMessage == "" {
					t.Error("no message")
				}
			}
		})
	}
	// None of them left anything behind.
	if got := must[*sdk.ListStagesOutput](t)(s.client.ListStages(ctx, &sdk.ListStagesInput{})); len(got.Stages) != 1 {
		t.Errorf("%d stages, want 1", len(got.Stages))
	}
}
