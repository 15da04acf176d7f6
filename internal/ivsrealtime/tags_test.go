package ivsrealtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
)

func TestTags(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(ctx, &sdk.CreateStageInput{Tags: map[string]string{"a": "1", "b": "2"}})).Stage.Arn
	has := func(want map[string]string) {
		t.Helper()
		got := must[*sdk.ListTagsForResourceOutput](t)(s.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: stage}))
		if d := cmp.Diff(want, got.Tags); d != "" {
			t.Error(d)
		}
	}
	has(map[string]string{"a": "1", "b": "2"})
	must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: stage, Tags: map[string]string{"b": "", "c/d é": "x"}}))
	has(map[string]string{"a": "1", "b": "", "c/d é": "x"})
	must[*sdk.UntagResourceOutput](t)(s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: stage, TagKeys: []string{"c/d é", "a", "never there"}}))
	has(map[string]string{"b": ""})
	must[*sdk.UntagResourceOutput](t)(s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: stage, TagKeys: []string{"b"}}))
	has(map[string]string{})

	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint(i)] = "x"
	}
	must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: stage, Tags: many}))
	_, err := s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: stage, Tags: map[string]string{"one more": ""}})
	wants[*types.ValidationException](t, err)
	has(many)
}

func TestTagRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(ctx, &sdk.CreateStageInput{})).Stage.Arn
	list := func(name string) error {
		_, err := s.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &name})
		return err
	}
	tag := func(name, key string) error {
		_, err := s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &name, Tags: map[string]string{key: "x"}})
		return err
	}
	untag := func(name string) error {
		_, err := s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &name, TagKeys: []string{"x"}})
		return err
	}
	missing := minter.New(arn.Stage)
	for name, err := range map[string]error{"list": list(missing), "tag": tag(missing, "k"), "untag": untag(missing), "list composition": list(minter.New(arn.Composition))} {
		var e *types.ResourceNotFoundException
		if !errors.As(err, &e) {
			t.Errorf("%s of a missing resource: %v", name, err)
		}
	}
	abroad := strings.Replace(*stage, "us-east-1", "eu-west-1", 1)
	for name, err := range map[string]error{
		"list abroad": list(abroad), "tag abroad": tag(abroad, "k"), "untag abroad": untag(abroad),
		"reserved key": tag(*stage, "AWS:x"), "key too long": tag(*stage, strings.Repeat("k", 129)),
	} {
		var e *types.ValidationException
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongSecretIsRefused(t *testing.T) {
	s := start(t)
	o := s.client.Options()
	for name, c := range map[string]struct {
		key, secret, region, want string
	}{
		"wrong secret": {keyID, "wrong", minter.Region, "InvalidSignatureException"},
		"unknown key":  {"AKIANOBODY", secret, minter.Region, "UnrecognizedClientException"},
		"wrong region": {keyID, secret, "eu-west-1", "InvalidSignatureException"},
	} {
		o.Region = c.region
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.key, SecretAccessKey: c.secret}, nil
		})
		_, err := sdk.New(o).ListStages(t.Context(), &sdk.ListStagesInput{})
		var named smithy.APIError
		var answer *smithyhttp.ResponseError
		if !errors.As(err, &named) || named.ErrorCode() != c.want || !errors.As(err, &answer) || answer.HTTPStatusCode() != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
