package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AuditEntry is one call that changes something, or tried to: who, from where, what, and how it ended. It
// holds names only, never what was sent or answered.
type AuditEntry struct {
	ID          string // of the request; unique
	Time        time.Time
	AccessKeyID string
	Source      string // IP address; empty: from within this process
	Service     string // such as "ivs-realtime"
	Operation   string
	Result      string   // "ok", or the name of the exception
	Resources   []string // what the call named and what it made
}

// AuditFilter chooses entries. Empty members choose all.
type AuditFilter struct {
	AccessKeyID string
	Operation   string
	Resource    string
	Since       time.Time // inclusive
	Until       time.Time // exclusive
}

const (
	// auditChunk is how many rows one statement writes: few enough that databases keep the statements of
	// all sizes prepared.
	auditChunk   = 64
	auditColumns = `a.entry, a.access_key, a.source, a.service, a.operation, a.result, a.resources`
)

// auditName is the name of an entry in the tables; the migration that made them says why.
func auditName(us int64, id string) string { return fmt.Sprintf("%014x-%s", us, id) }

func parseAuditName(name string) (us int64, id string, err error) {
	digits, id, ok := strings.Cut(name, "-")
	if us, err = strconv.ParseInt(digits, 16, 64); err != nil || !ok {
		return 0, "", fmt.Errorf("store: %q is not the name of an audit entry", name)
	}
	return us, id, nil
}

// WriteAudit adds entries in one transaction. See AuditLog for many callers at once.
func (db *DB) WriteAudit(ctx context.Context, entries ...AuditEntry) error {
	var rows, names [][]any
	for _, e := range entries {
		resources, err := json.Marshal(append([]string{}, e.Resources...)) // never null
		if err != nil {
			return err
		}
		name := auditName(micros(e.Time), e.ID)
		rows = append(rows, []any{name, e.AccessKeyID, e.Source, e.Service, e.Operation, e.Result, string(resources)})
		for i, r := range e.Resources {
			if !slices.Contains(e.Resources[:i], r) {
				names = append(names, []any{r, name})
			}
		}
	}
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.insertRows(ctx, `INSERT INTO audit (entry, access_key, source, service, operation, result, resources) VALUES `, rows); err != nil {
			return err
		}
		return db.insertRows(ctx, `INSERT INTO audit_resources (resource, entry) VALUES `, names)
	})
}

// insertRows adds rows of equal length, many with each statement. One that exists already does not spoil the
// others.
func (db *DB) insertRows(ctx context.Context, insert string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, auditChunk) {
		var b strings.Builder
		b.WriteString(insert)
		var args []any
		for i, row := range chunk {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("(" + places(len(args)+1, len(row)) + ")")
			args = append(args, row...)
		}
		b.WriteString(" ON CONFLICT DO NOTHING")
		if _, err := db.exec(ctx, b.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

// AuditEntries reads a page of the audit log, newest first, and the cursor of the next one, nil at the end.
// The cursor's ARN is a request's id.
func (db *DB) AuditEntries(ctx context.Context, f AuditFilter, limit int, after *Cursor) ([]AuditEntry, *Cursor, error) {
	if limit < 1 {
		panic(fmt.Sprintf("store: a page of %d audit entries", limit))
	}
	text, args := auditQuery(f, limit, after)
	found, err := query(ctx, db, scanAudit, text, args...)
	if err != nil || len(found) <= limit {
		return found, nil, err
	}
	last := found[limit-1]
	return found[:limit], &Cursor{Time: micros(last.Time), ARN: last.ID}, nil
}

func scanAudit(s scanner) (e AuditEntry, err error) {
	var name string
	var resources []byte
	if err := s.Scan(&name, &e.AccessKeyID, &e.Source, &e.Service, &e.Operation, &e.Result, &resources); err != nil {
		return e, err
	}
	us, id, err := parseAuditName(name)
	if err != nil {
		return e, err
	}
	e.Time, e.ID = fromMicros(us), id
	return e, json.Unmarshal(resources, &e.Resources)
}

// auditQuery walks one index: that of the names if one is asked for, else that of the key, of the operation,
// or of the time.
func auditQuery(f AuditFilter, limit int, after *Cursor) (string, []any) {
	below, from := "g", "0" // above and below all names
	if !f.Until.IsZero() {
		below = auditName(micros(f.Until), "")
	}
	if after != nil {
		below = min(below, auditName(after.Time, after.ARN))
	}
	if !f.Since.IsZero() {
		from = auditName(micros(f.Since), "")
	}
	args := []any{below, from}
	var where strings.Builder
	for _, c := range []struct{ column, value string }{{"f.resource", f.Resource}, {"a.access_key", f.AccessKeyID}, {"a.operation", f.Operation}} {
		if c.value != "" {
			args = append(args, c.value)
			fmt.Fprintf(&where, " AND %s = $%d", c.column, len(args))
		}
	}
	walk, tables := "a", "audit a"
	if f.Resource != "" {
		walk, tables = "f", "audit_resources f CROSS JOIN audit a"
		where.WriteString(" AND a.entry = f.entry")
	}
	return fmt.Sprintf(`SELECT `+auditColumns+` FROM %[2]s WHERE %[1]s.entry < $1 AND %[1]s.entry >= $2%[3]s
		ORDER BY %[1]s.entry DESC LIMIT %[4]d`, walk, tables, where.String(), limit+1), args
}

// TrimAudit removes entries older than before and gives their number. It works in small transactions, so
// that nobody waits long for it.
func (db *DB) TrimAudit(ctx context.Context, before time.Time) (int, error) {
	const step = 500
	for total := 0; ; {
		n := 0
		err := db.Tx(ctx, func(ctx context.Context) error {
			old, err := query(ctx, db, scanAudit, fmt.Sprintf(`SELECT `+auditColumns+` FROM audit a
				WHERE a.entry < $1 ORDER BY a.entry LIMIT %d`, step), auditName(micros(before), ""))
			if n = len(old); err != nil || n == 0 {
				return err
			}
			for _, e := range old {
				for _, r := range e.Resources {
					if _, err := db.exec(ctx, `DELETE FROM audit_resources WHERE resource = $1 AND entry = $2`, r, auditName(micros(e.Time), e.ID)); err != nil {
						return err
					}
				}
			}
			last := old[n-1]
			_, err = db.exec(ctx, `DELETE FROM audit WHERE entry <= $1`, auditName(micros(last.Time), last.ID))
			return err
		})
		if total += n; err != nil || n < step {
			return total, err
		}
	}
}
