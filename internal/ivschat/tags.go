package ivschat

import (
	"context"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

const maxTags = 50

var taggable = []arn.Kind{arn.Room, arn.LoggingConfiguration}

// ListTagsForResource gives the tags of a resource, possibly none.
func (s *Service) ListTagsForResource(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	a, err := s.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	exists, err := s.DB.ResourceExists(ctx, in.ResourceArn)
	if err == nil && !exists {
		err = missing(a)
	}
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: tags[in.ResourceArn]}, nil
}

// TagResource adds tags and overwrites those of the same key.
func (s *Service) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	if _, err := s.tagged(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.DB.MergeTags(ctx, in.ResourceArn, in.Tags, maxTags); err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, nil
}

// UntagResource removes tags; keys that are not there are ignored.
func (s *Service) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	if _, err := s.tagged(in.ResourceArn); err != nil {
		return nil, err
	}
	if err := s.DB.RemoveTags(ctx, in.ResourceArn, in.TagKeys); err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, nil
}

// tagged wants the name of a resource of this service, region and account that may have tags.
func (s *Service) tagged(name string) (arn.ARN, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return a, err
	}
	if !slices.Contains(taggable, a.Kind) {
		return a, fault.InvalidInput("%q is not the ARN of a resource with tags in this service", name)
	}
	return s.Minter.Own(a.Kind, name)
}

// missing is the fault for a resource that is not there.
func missing(a arn.ARN) error {
	kind := strings.ToUpper(strings.ReplaceAll(string(a.Kind), "-", "_"))
	return fault.Missing("%s %s does not exist", a.Kind, a).About(kind, a.ID)
}
