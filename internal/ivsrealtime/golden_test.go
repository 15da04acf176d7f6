package ivsrealtime_test

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/api"
	rt "github.com/streamcat/streamcat/internal/ivsrealtime"
)

// recorder answers nothing and keeps the last input of the operations that are asked for.
type recorder struct {
	rt.Operations
	in any
}

func (r *recorder) CreateStage(_ context.Context, in *rt.CreateStageInput) (*rt.CreateStageOutput, error) {
	r.in = in
	return &rt.CreateStageOutput{}, nil
}

func (r *recorder) GetStage(_ context.Context, in *rt.GetStageInput) (*rt.GetStageOutput, error) {
	r.in = in
	return &rt.GetStageOutput{}, nil
}

func (r *recorder) ListStages(_ context.Context, in *rt.ListStagesInput) (*rt.ListStagesOutput, error) {
	r.in = in
	return &rt.ListStagesOutput{}, nil
}

func (r *recorder) UpdateStage(_ context.Context, in *rt.UpdateStageInput) (*rt.UpdateStageOutput, error) {
	r.in = in
	return &rt.UpdateStageOutput{}, nil
}

func (r *recorder) DeleteStage(_ context.Context, in *rt.DeleteStageInput) (*rt.DeleteStageOutput, error) {
	r.in = in
	return &rt.DeleteStageOutput{}, nil
}

func (r *recorder) CreateParticipantToken(_ context.Context, in *rt.CreateParticipantTokenInput) (*rt.CreateParticipantTokenOutput, error) {
	r.in = in
	return &rt.CreateParticipantTokenOutput{}, nil
}

func (r *recorder) ListTagsForResource(_ context.Context, in *rt.ListTagsForResourceInput) (*rt.ListTagsForResourceOutput, error) {
	r.in = in
	return &rt.ListTagsForResourceOutput{}, nil
}

func (r *recorder) TagResource(_ context.Context, in *rt.TagResourceInput) (*rt.TagResourceOutput, error) {
	r.in = in
	return &rt.TagResourceOutput{}, nil
}

func (r *recorder) UntagResource(_ context.Context, in *rt.UntagResourceInput) (*rt.UntagResourceOutput, error) {
	r.in = in
	return &rt.UntagResourceOutput{}, nil
}

// The bytes that the real command line client sent arrive as what was typed. The inputs here are written
// by hand, so the generated shapes are not their own judge.
func TestRequestsOfTheCommandLineClientArriveAsTyped(t *testing.T) {
	const stage = "arn:aws:ivs:us-east-1:000000000000:stage/AbCdEfGh1234"
	for file, want := range map[string]any{
		"create-stage": &rt.CreateStageInput{
			Name: new("cafe-stage"), Tags: map[string]string{"owner": "Ünï code", "b": "2"},
			ParticipantTokenConfigurations: []rt.ParticipantTokenConfiguration{
				{UserId: new("u1"), Duration: new(60), Capabilities: []string{"PUBLISH"}, Attributes: map[string]string{"k": "v"}},
			},
		},
		"create-stage-empty": &rt.CreateStageInput{},
		"create-participant-token": &rt.CreateParticipantTokenInput{
			StageArn: stage, UserId: new("u1"), Duration: new(60), Capabilities: []string{"SUBSCRIBE"}, Attributes: map[string]string{"display": "Ann"},
		},
		"create-participant-token-no-capabilities": &rt.CreateParticipantTokenInput{StageArn: stage, Capabilities: []string{}},
		"list-stages":            &rt.ListStagesInput{MaxResults: new(2)},
		"get-stage":              &rt.GetStageInput{Arn: stage},
		"update-stage":           &rt.UpdateStageInput{Arn: stage, Name: new("n2")},
		"delete-stage":           &rt.DeleteStageInput{Arn: stage},
		"list-tags-for-resource": &rt.ListTagsForResourceInput{ResourceArn: stage},
		"tag-resource":           &rt.TagResourceInput{ResourceArn: stage, Tags: map[string]string{"a b": "c d"}},
		"untag-resource":         &rt.UntagResourceInput{ResourceArn: stage, TagKeys: []string{"a b", "c/d", "é"}},
	} {
		t.Run(file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "aws-cli", file+".http"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				t.Fatal(err)
			}
			got := &recorder{}
			captured, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Fatal(err)
			}
			mux := api.NewMux(api.Deps{Verifier: verifier(func() time.Time { return captured }), Log: slog.New(slog.DiscardHandler)})
			mux.Handle(api.IVSRealTime, rt.Routes(got)...)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if d := cmp.Diff(want, got.in); d != "" {
				t.Error(d)
			}
		})
	}
}
