package store

import (
	"context"
	"database/sql"
	"strings"
)

// PlanOfList says how the database would read a page.
func PlanOfList[T any](ctx context.Context, c *Collection[T], q Query) (string, error) {
	text, args := c.listQuery(q)
	return c.db.plan(ctx, text, args)
}

// PlanOfParticipants says how the database would read a page of the participants that FillParticipants made.
func PlanOfParticipants(ctx context.Context, db *DB, f StageParticipantFilter, after *Cursor) (string, error) {
	text, args := participantsQuery("a", "s", f, 100, after)
	return db.plan(ctx, text, args)
}

// PlanOfAudit says how the database would read a page of the audit log.
func PlanOfAudit(ctx context.Context, db *DB, f AuditFilter, after *Cursor) (string, error) {
	if _, err := db.exec(ctx, `ANALYZE`); err != nil {
		return "", err
	}
	text, args := auditQuery(f, 10, after)
	return db.plan(ctx, text, args)
}

func (db *DB) plan(ctx context.Context, text string, args []any) (string, error) {
	explain := "EXPLAIN QUERY PLAN "
	if db.dialect == &postgresDialect {
		explain = "EXPLAIN "
	}
	lines, err := query(ctx, db, func(s scanner) (line string, err error) {
		rows := s.(*sql.Rows)
		columns, err := rows.Columns()
		if err != nil {
			return "", err
		}
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(sql.RawBytes)
		}
		cells[len(cells)-1] = &line
		return line, rows.Scan(cells...)
	}, explain+text, args...)
	return strings.Join(lines, "\n"), err
}

// CountRows counts a table's rows.
func CountRows(ctx context.Context, db *DB, table string) (int, error) {
	n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM `+table)
	return int(n), err
}

// FillParticipants adds n participants to the session s of the stage a in one statement. Every fifth
// has published, is still there, and could not be recorded; every tenth is of the user u5.
func FillParticipants(ctx context.Context, db *DB, n int) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		limit := "$1"
		if db.dialect == &postgresDialect {
			limit = "$1::bigint"
		}
		for _, session := range []string{"s", "other"} {
			if _, err := db.exec(ctx, `INSERT INTO stage_participants (`+participantColumns+`)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+limit+`)
				SELECT '`+session+`', 'p' || i, 'a', CASE WHEN i % 10 = 0 THEN 'u5' ELSE 'u' || i END,
					CASE WHEN i % 5 = 0 THEN 'CONNECTED' ELSE 'DISCONNECTED' END,
					CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, 0, i, 0, CASE WHEN i % 5 = 0 THEN 'FAILED' ELSE '' END, 'n', 'null' FROM n`, n); err != nil {
				return err
			}
		}
		_, err := db.exec(ctx, `ANALYZE`)
		return err
	})
}

// Fill adds n bare documents of a collection's kind in one statement, for tests of scale. Every tenth
// has the ref {"name", "rare"}, the others {"name", "common"}, and all {"label", "all"}.
func Fill[T any](ctx context.Context, c *Collection[T], n int) error {
	return c.db.Tx(ctx, func(ctx context.Context) error {
		const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) `
		kind := string(c.kind)
		for _, text := range []string{
			`INSERT INTO resources (arn, kind, version, created, updated, doc) ` + numbers +
				`SELECT $1 || '/' || i, $1, 1, i, i, '{}' FROM n`,
			`INSERT INTO refs (arn, name, value, kind, created, updated, solo) ` + numbers +
				`SELECT $1 || '/' || i, 'name', CASE WHEN i % 10 = 0 THEN 'rare' ELSE 'common' END, $1, i, i, 0 FROM n`,
			`INSERT INTO refs (arn, name, value, kind, created, updated, solo) ` + numbers +
				`SELECT $1 || '/' || i, 'label', 'all', $1, i, i, 0 FROM n`,
		} {
			if c.db.dialect == &postgresDialect {
				text = strings.ReplaceAll(strings.ReplaceAll(text, "$1", "$1::text"), "$2", "$2::bigint")
			}
			if _, err := c.db.exec(ctx, text, kind, n); err != nil {
				return err
			}
		}
		_, err := c.db.exec(ctx, `ANALYZE`)
		return err
	})
}
