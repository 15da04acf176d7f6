package store

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Query asks for one page of a collection.
type Query struct {
	Refs     []Ref   // a document must have all of them; put the rarest first, the page is walked along it
	Limit    int     // at least 1
	After    *Cursor // nil: from the newest
	ByUpdate bool    // order by time of the last change instead of creation
}

// Cursor is the place in a list after which the next page begins. It stays good when documents come
// and go, the one it names included.
type Cursor struct {
	Time int64 // microseconds
	ARN  string
}

// args gives the sort key to continue below: above everything for a nil cursor.
func (c *Cursor) args() (int64, string) {
	if c == nil {
		return math.MaxInt64, ""
	}
	return c.Time, c.ARN
}

// List reads a page, newest first, and the cursor of the next one, nil at the end. Its cost depends on
// the page, not on the number of documents.
func (c *Collection[T]) List(ctx context.Context, q Query) ([]Row[T], *Cursor, error) {
	text, args := c.listQuery(q)
	found, err := query(ctx, c.db, scanRow[T], text, args...)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]Row[T], 0, min(len(found), q.Limit))
	for _, row := range found[:min(len(found), q.Limit)] {
		rows = append(rows, *row)
	}
	if len(found) <= q.Limit {
		return rows, nil, nil
	}
	last := rows[len(rows)-1]
	next := &Cursor{Time: micros(last.Created), ARN: last.ARN}
	if q.ByUpdate {
		next.Time = micros(last.Updated)
	}
	return rows, next, nil
}

// listQuery walks an index that ends in (time, arn): that of the first ref, or the kind's own. CROSS
// JOIN is a join like any other to PostgreSQL and fixes the order of the walk for SQLite.
func (c *Collection[T]) listQuery(q Query) (string, []any) {
	if q.Limit < 1 {
		panic(fmt.Sprintf("store: a page of %d documents", q.Limit))
	}
	by := "created"
	if q.ByUpdate {
		by = "updated"
	}
	at, name := q.After.args()
	var b strings.Builder
	args := []any{string(c.kind), at, name}
	if len(q.Refs) == 0 {
		fmt.Fprintf(&b, `SELECT `+rowColumns+` FROM resources r
			WHERE r.kind = $1 AND (r.%[1]s, r.arn) < ($2, $3) ORDER BY r.%[1]s DESC, r.arn DESC`, by)
	} else {
		args = append(args, q.Refs[0].Name, q.Refs[0].indexed())
		fmt.Fprintf(&b, `SELECT `+rowColumns+` FROM refs f CROSS JOIN resources r
			WHERE f.kind = $1 AND f.name = $4 AND f.value = $5 AND (f.%s, f.arn) < ($2, $3) AND r.arn = f.arn`, by)
		for _, ref := range q.Refs[1:] {
			fmt.Fprintf(&b, ` AND EXISTS (SELECT 1 FROM refs x WHERE x.arn = f.arn AND x.name = $%d AND x.value = $%d)`, len(args)+1, len(args)+2)
			args = append(args, ref.Name, ref.indexed())
		}
		fmt.Fprintf(&b, ` ORDER BY f.%[1]s DESC, f.arn DESC`, by)
	}
	fmt.Fprintf(&b, ` LIMIT %d`, q.Limit+1)
	return b.String(), args
}

// Count counts the documents that have all refs. Its cost grows with the documents that have the first.
func (c *Collection[T]) Count(ctx context.Context, refs ...Ref) (int, error) {
	args := []any{string(c.kind)}
	text := `SELECT count(*) FROM resources WHERE kind = $1`
	if len(refs) > 0 {
		text = `SELECT count(*) FROM refs f WHERE f.kind = $1 AND f.name = $2 AND f.value = $3`
		args = append(args, refs[0].Name, refs[0].indexed())
		for _, ref := range refs[1:] {
			text += fmt.Sprintf(` AND EXISTS (SELECT 1 FROM refs x WHERE x.arn = f.arn AND x.name = $%d AND x.value = $%d)`, len(args)+1, len(args)+2)
			args = append(args, ref.Name, ref.indexed())
		}
	}
	n, _, err := queryOne(ctx, c.db, scanInt, text, args...)
	return int(n), err
}
