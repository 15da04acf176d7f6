package ivschat

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
)

// maxTags is the number of tags that a resource may have.
const maxTags = 50

// tagged wants the name of one of our own resources that can have tags.
func (s *Service) tagged(name string) (arn.ARN, error) {
	return s.Minter.OwnAny(name, arn.Room, arn.LoggingConfiguration)
}

// ListTagsForResource gives the tags of a resource, possibly none.
func (s *Service) ListTagsForResource(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	a, err := s.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.TagsOf(ctx, a)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: tags}, nil
}

// TagResource adds tags to a resource and replaces those of the same keys.
func (s *Service) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	if _, err := s.tagged(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.DB.MergeTags(ctx, in.ResourceArn, in.Tags, maxTags); err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, nil
}

// UntagResource takes tags off a resource. Keys it does not have are ignored.
func (s *Service) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	if _, err := s.tagged(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.DB.RemoveTags(ctx, in.ResourceArn, in.TagKeys); err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, nil
}
