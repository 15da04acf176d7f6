package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// insert makes a resource of a kind, if there may be one more.
func insert[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, name string, doc *T, tags map[string]string) (row *store.Row[T], err error) {
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.WithinQuota(ctx, kind, s.Quotas[kind]); err != nil {
			return err
		}
		row, err = c.Insert(ctx, name, doc, tags)
		return err
	})
	return row, err
}

// get reads a resource of this region and account with its tags.
func get[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, name string) (*store.Row[T], map[string]string, error) {
	if _, err := s.Minter.Own(kind, name); err != nil {
		return nil, nil, err
	}
	row, err := c.Get(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	tags, err := s.DB.Tags(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return row, tags[name], nil
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
