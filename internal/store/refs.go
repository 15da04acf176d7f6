package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Ref is a property that documents of a kind can be found by: {"name", "x"}, {"channel", its ARN},
// {"key", a digest}. A document may have several of one name. Values are compared byte by byte.
type Ref struct{ Name, Value string }

// indexed is the value as the index keeps it: what an index page cannot hold, or PostgreSQL not at
// all, is kept as its hash.
func (r Ref) indexed() string {
	if len(r.Value) <= 512 && !strings.ContainsRune(r.Value, 0) {
		return r.Value
	}
	sum := sha256.Sum256([]byte(r.Value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// sorted gives the refs in order and each once.
func sorted(refs []Ref) []Ref {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return slices.Compact(refs)
}

func (c *Collection[T]) insertRefs(ctx context.Context, name string, refs []Ref, created, updated int64) error {
	for _, ref := range sorted(refs) {
		solo := 0
		if slices.Contains(c.unique, ref.Name) {
			solo = 1
		}
		n, err := c.db.exec(ctx, `INSERT INTO refs (arn, name, value, kind, created, updated, solo)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			name, ref.Name, ref.indexed(), string(c.kind), created, updated, solo)
		if err != nil {
			return err
		}
		if n == 0 {
			return c.conflict("another %s has this %s", c.kind, ref.Name)
		}
	}
	return nil
}

// replaceRefs brings the refs of a changed document up to date. They are written anew only when they
// differ: mostly just the time of the change does.
func (c *Collection[T]) replaceRefs(ctx context.Context, name string, before, after []Ref, created, updated int64) error {
	if after = sorted(after); slices.Equal(before, after) {
		if len(after) == 0 {
			return nil
		}
		_, err := c.db.exec(ctx, `UPDATE refs SET updated = $1 WHERE arn = $2`, updated, name)
		return err
	}
	if _, err := c.db.exec(ctx, `DELETE FROM refs WHERE arn = $1`, name); err != nil {
		return err
	}
	return c.insertRefs(ctx, name, after, created, updated)
}
