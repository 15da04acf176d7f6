package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// Collection holds the resources of one kind, each a document of type T that is kept as JSON. It has
// no state of its own: any number of collections may stand on the same kind.
type Collection[T any] struct {
	db     *DB
	kind   arn.Kind
	refs   func(*T) []Ref
	unique []string
}

// Row is a document as it stands in the table.
type Row[T any] struct {
	ARN     string
	Version int64 // 1 at first, one more after each change
	Created time.Time
	Updated time.Time // equal to Created at first
	Doc     T
}

// NewCollection makes the collection of a kind. refs tells by what a document can be found besides its
// ARN; nil means by nothing. Refs named in unique belong to at most one document of the kind.
func NewCollection[T any](db *DB, kind arn.Kind, refs func(*T) []Ref, unique ...string) *Collection[T] {
	if refs == nil {
		refs = func(*T) []Ref { return nil }
	}
	return &Collection[T]{db: db, kind: kind, refs: refs, unique: unique}
}

const rowColumns = `r.arn, r.version, r.created, r.updated, r.doc`

func scanRow[T any](s scanner) (*Row[T], error) {
	var row Row[T]
	var created, updated int64
	var doc []byte
	if err := s.Scan(&row.ARN, &row.Version, &created, &updated, &doc); err != nil {
		return nil, err
	}
	row.Created, row.Updated = fromMicros(created), fromMicros(updated)
	if err := json.Unmarshal(doc, &row.Doc); err != nil {
		return nil, fmt.Errorf("document %s: %w", row.ARN, err)
	}
	return &row, nil
}

// missing is the fault for a resource that is not there.
func missing(kind arn.Kind, name string) *fault.Error {
	return fault.Missing("%s %s does not exist", kind, name).About(resourceType(kind), arn.ID(name))
}

func (c *Collection[T]) conflict(format string, args ...any) *fault.Error {
	return fault.InConflict(format, args...).About(resourceType(c.kind), "")
}

// resourceType prints a kind as IVS Chat's errors do: "LOGGING_CONFIGURATION".
func resourceType(kind arn.Kind) string {
	return strings.ToUpper(strings.ReplaceAll(string(kind), "-", "_"))
}

// Insert adds a document under a new name, with its first tags, which may be nil. It is a Conflict if the
// name or a unique ref is taken.
func (c *Collection[T]) Insert(ctx context.Context, name string, doc *T, tags map[string]string) (*Row[T], error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", name, err)
	}
	var now int64
	err = c.db.Tx(ctx, func(ctx context.Context) error {
		now = c.db.clock.next()
		n, err := c.db.exec(ctx, `INSERT INTO resources (arn, kind, version, created, updated, doc)
			VALUES ($1, $2, 1, $3, $3, $4) ON CONFLICT (arn) DO NOTHING`, name, string(c.kind), now, string(text))
		if err != nil {
			return err
		}
		if n == 0 {
			return c.conflict("%s %s exists already", c.kind, name).About(resourceType(c.kind), arn.ID(name))
		}
		if err := c.insertRefs(ctx, name, c.refs(doc), now, now); err != nil {
			return err
		}
		return c.db.setTags(ctx, name, tags)
	})
	if err != nil {
		return nil, err
	}
	return &Row[T]{ARN: name, Version: 1, Created: fromMicros(now), Updated: fromMicros(now), Doc: *doc}, nil
}

// InsertWithin is Insert for a kind of which there may be limit at most: one more is a Quota fault, also when many
// are inserted at once. A limit of zero or less is none.
func (c *Collection[T]) InsertWithin(ctx context.Context, limit int, name string, doc *T, tags map[string]string) (row *Row[T], err error) {
	err = c.db.Tx(ctx, func(ctx context.Context) error {
		if err := c.db.withinQuota(ctx, c.kind, limit); err != nil {
			return err
		}
		row, err = c.Insert(ctx, name, doc, tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}

// GetTagged is Get, and the document's tags, possibly none.
func (c *Collection[T]) GetTagged(ctx context.Context, name string) (*Row[T], map[string]string, error) {
	row, err := c.Get(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	tags, err := c.db.Tags(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return row, tags[name], nil
}

// Get reads one document. A name that is unknown, or is another kind's, is NotFound.
func (c *Collection[T]) Get(ctx context.Context, name string) (*Row[T], error) {
	return c.get(ctx, name, "")
}

// Lock reads one document as Get does, and keeps others from changing or deleting it until the transaction
// that it is called in ends.
func (c *Collection[T]) Lock(ctx context.Context, name string) (*Row[T], error) {
	if c.db.txOf(ctx) == nil {
		panic("store: Lock outside of a transaction")
	}
	return c.get(ctx, name, c.db.dialect.forUpdate)
}

func (c *Collection[T]) get(ctx context.Context, name, suffix string) (*Row[T], error) {
	row, ok, err := queryOne(ctx, c.db, scanRow[T],
		`SELECT `+rowColumns+` FROM resources r WHERE r.arn = $1 AND r.kind = $2`+suffix, name, string(c.kind))
	if err == nil && !ok {
		err = missing(c.kind, name)
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

// GetMany reads the documents that exist among names, by name.
func (c *Collection[T]) GetMany(ctx context.Context, names []string) (map[string]*Row[T], error) {
	out := make(map[string]*Row[T], len(names))
	for chunk := range slices.Chunk(names, 100) {
		args := append(anys(chunk), string(c.kind))
		rows, err := query(ctx, c.db, scanRow[T], `SELECT `+rowColumns+` FROM resources r
			WHERE r.arn IN (`+places(1, len(chunk))+`) AND r.kind = $`+fmt.Sprint(len(args)), args...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.ARN] = row
		}
	}
	return out, nil
}

// Find reads the document that has a ref: the newest, if the ref is not a unique one. Absence is
// NotFound, and the message does not repeat the value: it may be a secret's digest.
func (c *Collection[T]) Find(ctx context.Context, ref Ref) (*Row[T], error) {
	row, ok, err := queryOne(ctx, c.db, scanRow[T], `SELECT `+rowColumns+` FROM refs f CROSS JOIN resources r
		WHERE f.kind = $1 AND f.name = $2 AND f.value = $3 AND r.arn = f.arn
		ORDER BY f.created DESC, f.arn DESC LIMIT 1`, string(c.kind), ref.Name, ref.indexed())
	if err == nil && !ok {
		err = fault.Missing("no %s has this %s", c.kind, ref.Name).About(resourceType(c.kind), "")
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

// Update reads a document, lets change alter it, and writes it with the next version. No other update
// of the document comes between; change must be quick and may run more than once. Whatever error it
// returns comes back unchanged, and nothing is written. Taking another's unique ref is a Conflict.
func (c *Collection[T]) Update(ctx context.Context, name string, change func(*T) error) (*Row[T], error) {
	var row *Row[T]
	err := c.db.Tx(ctx, func(ctx context.Context) (err error) {
		if row, err = c.get(ctx, name, c.db.dialect.forUpdate); err != nil {
			return err
		}
		before := sorted(c.refs(&row.Doc))
		if err := change(&row.Doc); err != nil {
			return err
		}
		text, err := json.Marshal(&row.Doc)
		if err != nil {
			return fmt.Errorf("document %s: %w", name, err)
		}
		now := c.db.clock.next()
		n, err := c.db.exec(ctx, `UPDATE resources SET version = version + 1, updated = $1, doc = $2
			WHERE arn = $3 AND version = $4`, now, string(text), name, row.Version)
		if err != nil {
			return err
		}
		if n != 1 { // the row lock makes this impossible; without one, an update would be lost here
			return fmt.Errorf("store: %s changed while it was locked", name)
		}
		row.Version++
		row.Updated = fromMicros(now)
		return c.replaceRefs(ctx, name, before, c.refs(&row.Doc), micros(row.Created), now)
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}

// Delete removes a document with its refs and tags. Absence is NotFound.
func (c *Collection[T]) Delete(ctx context.Context, name string) error {
	n, err := c.db.exec(ctx, `DELETE FROM resources WHERE arn = $1 AND kind = $2`, name, string(c.kind))
	if err == nil && n == 0 {
		err = missing(c.kind, name)
	}
	return err
}

// ResourceExists says whether a resource of any kind has this name.
func (db *DB) ResourceExists(ctx context.Context, name string) (bool, error) {
	_, ok, err := queryOne(ctx, db, scanInt, `SELECT 1 FROM resources WHERE arn = $1`, name)
	return ok, err
}

// places gives the placeholders "$from, …" for n arguments.
func places(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

func anys(texts []string) []any {
	out := make([]any, len(texts), len(texts)+1)
	for i, s := range texts {
		out[i] = s
	}
	return out
}
