package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// get reads a resource of this region and account with its tags.
func get[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, name string) (*store.Row[T], map[string]string, error) {
	if _, err := s.Minter.Own(kind, name); err != nil {
		return nil, nil, err
	}
	return c.GetTagged(ctx, name)
}

// list shows a page of a kind's resources, newest first, and gives the token of the next one.
func list[T any](ctx context.Context, s *Service, c *store.Collection[T], listing string, token *string, limit int, show func(*store.Row[T], map[string]string)) (*string, error) {
	after, err := api.Page[store.Cursor](token, listing)
	if err != nil {
		return nil, err
	}
	rows, next, err := c.List(ctx, store.Query{Limit: limit, After: after})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.ARN
	}
	tags, err := s.DB.Tags(ctx, names...)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		show(&rows[i], orEmpty(tags[rows[i].ARN]))
	}
	return api.NextToken(next, listing), nil
}

// limit gives the size of a page.
func limit(asked *int, usual int) int {
	if asked == nil {
		return usual
	}
	return *asked
}

// orEmpty shows that there is nothing in a map, instead of no map.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
