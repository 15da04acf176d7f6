package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// insertRefs writes all refs of a document in one statement. It is a Conflict if another has a unique
// one; the caller's transaction undoes what was written then.
func (c *Collection[T]) insertRefs(ctx context.Context, name string, refs []Ref, created, updated int64) error {
	refs = sorted(refs)
	if len(refs) == 0 {
		return nil
	}
	args := []any{name, string(c.kind), created, updated}
	rows := make([]string, len(refs))
	for i, ref := range refs {
		solo := 0
		if slices.Contains(c.unique, ref.Name) {
			solo = 1
		}
		n := len(args)
		rows[i] = fmt.Sprintf("($1, $2, $3, $4, %d, $%d, $%d)", solo, n+1, n+2)
		args = append(args, ref.Name, ref.indexed())
	}
	n, err := c.db.exec(ctx, `INSERT INTO refs (arn, kind, created, updated, solo, name, value)
		VALUES `+strings.Join(rows, ", ")+` ON CONFLICT DO NOTHING`, args...)
	if err == nil && n < int64(len(refs)) {
		err = c.conflict("another %s has this %s", c.kind, strings.Join(c.unique, " or "))
	}
	return err
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
