package ivschat_test

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
)

func TestTags(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	room := s.newRoom(t, &sdk.CreateRoomInput{Tags: map[string]string{"a": "1", "b": "2"}})
	has := func(want map[string]string) {
		t.Helper()
		got := must[*sdk.ListTagsForResourceOutput](t)(s.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: room}))
		if d := cmp.Diff(want, got.Tags); d != "" {
			t.Error(d)
		}
	}
	has(map[string]string{"a": "1", "b": "2"})
	must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: room, Tags: map[string]string{"b": "", "c/d é": "x"}}))
	has(map[string]string{"a": "1", "b": "", "c/d é": "x"})
	must[*sdk.UntagResourceOutput](t)(s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: room, TagKeys: []string{"c/d é", "a", "b", "never there"}}))
	has(map[string]string{})

	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint(i)] = "x"
	}
	must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: room, Tags: many}))
	_, err := s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: room, Tags: map[string]string{"one more": ""}})
	wants[*types.ValidationException](t, err)
	has(many)
}

func TestLoggingConfigurationsHaveTags(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	name := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{Tags: map[string]string{"a": "1"}})
	must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: name, Tags: map[string]string{"b": "2"}}))
	must[*sdk.UntagResourceOutput](t)(s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: name, TagKeys: []string{"a"}}))
	got := must[*sdk.ListTagsForResourceOutput](t)(s.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: name}))
	if d := cmp.Diff(map[string]string{"b": "2"}, got.Tags); d != "" {
		t.Error(d)
	}
}

func TestTagRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	room := s.newRoom(t, &sdk.CreateRoomInput{})
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
	missing := minter.New(arn.Room)
	for name, err := range map[string]error{"list": list(missing), "tag": tag(missing, "k"), "untag": untag(missing)} {
		t.Run(name+" of a missing room", func(t *testing.T) {
			if e := wants[*types.ResourceNotFoundException](t, err); *e.ResourceId != arn.ID(missing) || e.ResourceType != types.ResourceTypeRoom {
				t.Errorf("got %+v", e)
			}
		})
	}
	abroad := strings.Replace(*room, "us-east-1", "eu-west-1", 1)
	for name, err := range map[string]error{
		"list abroad": list(abroad), "tag abroad": tag(abroad, "k"), "untag abroad": untag(abroad),
		"another service": list(minter.New(arn.Stage)), "nonsense": list("room"), "reserved key": tag(*room, "aws:x"),
	} {
		t.Run(name, func(t *testing.T) { wants[*types.ValidationException](t, err) })
	}
}
