package ivs

import (
	"context"
	"slices"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// maxTags is the number of tags that a resource may have.
const maxTags = 50

// taggable wants the name of one of our own resources that can have tags.
func (s *Service) taggable(name string) error {
	a, err := arn.Parse(name)
	if err != nil {
		return err
	}
	kinds := []arn.Kind{arn.Channel, arn.StreamKey, arn.PlaybackKey, arn.RecordingConfiguration, arn.PlaybackRestrictionPolicy, arn.AdConfiguration}
	if !slices.Contains(kinds, a.Kind) {
		return fault.InvalidInput("%q is not the ARN of a resource that can be tagged here", name)
	}
	_, err = s.minter.Own(a.Kind, name)
	return err
}

// orEmpty gives a map that is shown even if it holds nothing.
func orEmpty(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

// TagResource adds tags to a resource and replaces those of the same keys.
func (s *Service) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	if err := s.taggable(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.db.MergeTags(ctx, in.ResourceArn, in.Tags, maxTags); err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, nil
}

// UntagResource takes tags off a resource. Keys it does not have are ignored.
func (s *Service) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	if err := s.taggable(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.db.RemoveTags(ctx, in.ResourceArn, in.TagKeys); err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, nil
}

// ListTagsForResource tells the tags of a resource.
func (s *Service) ListTagsForResource(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	if err := s.taggable(in.ResourceArn); err != nil {
		return nil, err
	}
	ok, err := s.db.ResourceExists(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.Missing("resource %s does not exist", in.ResourceArn)
	}
	tags, err := s.db.Tags(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: tags[in.ResourceArn]}, nil
}
