package store

import "context"

func scanBytes(s scanner) (b []byte, err error) { return b, s.Scan(&b) }

// Setting reads a value that the server keeps for itself, and says whether there is one.
func (db *DB) Setting(ctx context.Context, name string) ([]byte, bool, error) {
	return queryOne(ctx, db, scanBytes, `SELECT value FROM settings WHERE name = $1`, name)
}

// PutSetting writes such a value.
func (db *DB) PutSetting(ctx context.Context, name string, v []byte) error {
	if v == nil {
		v = []byte{}
	}
	_, err := db.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, v)
	return err
}
