package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// Tags reads the tags of resources by name. Every name asked for is in the answer, with an empty map
// where there are none.
func (db *DB) Tags(ctx context.Context, names ...string) (map[string]map[string]string, error) {
	out := make(map[string]map[string]string, len(names))
	for _, name := range names {
		out[name] = map[string]string{}
	}
	type tag struct{ arn, key, value string }
	scan := func(s scanner) (t tag, err error) { return t, s.Scan(&t.arn, &t.key, &t.value) }
	for chunk := range slices.Chunk(names, 100) {
		tags, err := query(ctx, db, scan, `SELECT arn, key, value FROM tags WHERE arn IN (`+places(1, len(chunk))+`)`, anys(chunk)...)
		if err != nil {
			return nil, err
		}
		for _, t := range tags {
			out[t.arn][t.key] = t.value
		}
	}
	return out, nil
}

// TagsOf reads the tags of one resource, possibly none. It is NotFound if the resource does not exist.
func (db *DB) TagsOf(ctx context.Context, a arn.ARN) (map[string]string, error) {
	name := a.String()
	switch exists, err := db.ResourceExists(ctx, name); {
	case err != nil:
		return nil, err
	case !exists:
		return nil, a.Missing()
	}
	tags, err := db.Tags(ctx, name)
	return tags[name], err
}

// MergeTags sets tags of a resource and leaves its others. It is NotFound if the resource does not
// exist, and Invalid, with nothing changed, if it would have more than max tags.
func (db *DB) MergeTags(ctx context.Context, name string, set map[string]string, max int) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.lockResource(ctx, name); err != nil {
			return err
		}
		have, err := db.Tags(ctx, name)
		if err != nil {
			return err
		}
		total := len(have[name])
		for key := range set {
			if _, ok := have[name][key]; !ok {
				total++
			}
		}
		if total > max {
			return fault.InvalidInput("a resource has at most %d tags, this one would have %d", max, total)
		}
		return db.setTags(ctx, name, set)
	})
}

func (db *DB) setTags(ctx context.Context, name string, set map[string]string) error {
	if len(set) == 0 {
		return nil
	}
	args := []any{name}
	var rows []string
	for key, value := range set {
		if !keepable(key + value) {
			return fault.InvalidInput("a tag holds a NUL character, or is not UTF-8")
		}
		rows = append(rows, fmt.Sprintf("($1, $%d, $%d)", len(args)+1, len(args)+2))
		args = append(args, key, value)
	}
	_, err := db.exec(ctx, `INSERT INTO tags (arn, key, value) VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value`, args...)
	return err
}

// keepable tells what both databases can keep: SQLite would take a NUL and what is no UTF-8, PostgreSQL
// refuses even to look for it.
func keepable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// RemoveTags takes tags off a resource; keys it does not have are ignored. It is NotFound if the
// resource does not exist.
func (db *DB) RemoveTags(ctx context.Context, name string, keys []string) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.lockResource(ctx, name); err != nil {
			return err
		}
		keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !keepable(key) })
		if len(keys) == 0 {
			return nil
		}
		_, err := db.exec(ctx, `DELETE FROM tags WHERE arn = $1 AND key IN (`+places(2, len(keys))+`)`,
			append([]any{name}, anys(keys)...)...)
		return err
	})
}

// lockResource keeps others from changing or deleting a resource until the transaction ends.
func (db *DB) lockResource(ctx context.Context, name string) error {
	_, ok, err := queryOne(ctx, db, scanInt, `SELECT 1 FROM resources WHERE arn = $1`+db.dialect.forUpdate, name)
	if err == nil && !ok {
		a, _ := arn.Parse(name)
		err = missing(a.Kind, name)
	}
	return err
}
