package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// read gives one of our own resources and its tags.
func read[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, name string) (*store.Row[T], map[string]string, error) {
	if _, err := s.minter.Own(kind, name); err != nil {
		return nil, nil, err
	}
	return c.GetTagged(ctx, name)
}

// create makes a resource of a kind that may be one too many.
func create[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, doc *T, tags map[string]string) (name string, err error) {
	name = s.minter.New(kind)
	_, err = c.InsertWithin(ctx, s.quotas[kind], name, doc, tags)
	return name, err
}

// lockOwn reads a resource that a client names, and keeps others from deleting it until the transaction of
// ctx ends.
func lockOwn[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, name string) (*store.Row[T], error) {
	if _, err := s.minter.Own(kind, name); err != nil {
		return nil, err
	}
	if err := s.db.Hold(ctx, name); err != nil {
		return nil, err
	}
	return c.Get(ctx, name)
}

// deleteUnused removes a configuration that no channel has; ref is by what channels that have it are found.
// Whoever gives it to a channel locks it, too: either this is done first, and they find it gone, or they are,
// and their channel is found here.
func deleteUnused[T any](ctx context.Context, s *Service, c *store.Collection[T], kind arn.Kind, ref, name string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := lockOwn(ctx, s, c, kind, name); err != nil {
			return err
		}
		switch user, err := s.channels.Find(ctx, store.Ref{Name: ref, Value: name}); {
		case err == nil:
			return fault.InConflict("%s %s is used by channel %s: take it off first", kind, name, user.ARN)
		case fault.Of(err) != fault.NotFound:
			return err
		}
		return c.Delete(ctx, name)
	})
}

// page is one page of a list: its rows, newest first, their tags by name, and the token of the next one.
type page[T any] struct {
	rows []store.Row[T]
	tags map[string]map[string]string
	next *string
}

// list reads a page of those that have all refs. Its token is good for the same list with the same refs
// only.
func list[T any](ctx context.Context, s *Service, c *store.Collection[T], operation string, size int, token *string, refs ...store.Ref) (p page[T], err error) {
	listing := []string{operation}
	for _, r := range refs {
		listing = append(listing, r.Name, r.Value)
	}
	after, err := api.Page[store.Cursor](token, listing...)
	if err != nil {
		return p, err
	}
	rows, next, err := c.List(ctx, store.Query{Refs: refs, Limit: size, After: after})
	if err != nil {
		return p, err
	}
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].ARN
	}
	tags, err := s.db.Tags(ctx, names...)
	if err != nil {
		return p, err
	}
	return page[T]{rows, tags, api.NextToken(next, listing...)}, nil
}

// limit gives the size of a page.
func limit(asked *int, usual int) int {
	if asked == nil {
		return usual
	}
	return *asked
}

// usual is the size of a page of a kind whose quota is small: as many as there can be, or 100.
func (s *Service) usual(kind arn.Kind) int {
	if quota := s.quotas[kind]; quota > 0 {
		return min(quota, 100)
	}
	return 100
}
