package store

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AccessKey is a pair of API credentials. Its secret is sealed by the server's keyring and never in
// clear text here.
type AccessKey struct {
	ID        string
	AccountID string
	Sealed    []byte
	Root      bool // the server's own: may do everything, always
	Created   time.Time
	LastUsed  time.Time // zero: never
	Note      string
	Policy    string // an access policy in JSON; empty: may do everything
}

func scanAccessKey(s scanner) (k AccessKey, err error) {
	var root, created, used int64
	if err := s.Scan(&k.ID, &k.AccountID, &k.Sealed, &root, &created, &used, &k.Note, &k.Policy); err != nil {
		return k, err
	}
	k.Root, k.Created, k.LastUsed = root == 1, fromMicros(created), fromMicros(used)
	return k, nil
}

const accessKeyColumns = `id, account_id, sealed, root, created, last_used, note, policy`

func missingKey(id string) error { return fault.Missing("access key %s does not exist", id) }

// InsertAccessKey adds a key. It is a Conflict if the id is taken. A zero Created means now.
func (db *DB) InsertAccessKey(ctx context.Context, k AccessKey) error {
	if k.Created.IsZero() {
		k.Created = db.clock.now()
	}
	root := 0
	if k.Root {
		root = 1
	}
	n, err := db.exec(ctx, `INSERT INTO access_keys (`+accessKeyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
		k.ID, k.AccountID, k.Sealed, root, micros(k.Created), micros(k.LastUsed), k.Note, k.Policy)
	if err == nil && n == 0 {
		err = fault.InConflict("access key %s exists already", k.ID)
	}
	return err
}

// AccessKey reads one key. Absence is NotFound.
func (db *DB) AccessKey(ctx context.Context, id string) (AccessKey, error) {
	k, ok, err := queryOne(ctx, db, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE id = $1`, id)
	if err == nil && !ok {
		err = missingKey(id)
	}
	return k, err
}

// AccessKeys reads all keys, oldest first.
func (db *DB) AccessKeys(ctx context.Context) ([]AccessKey, error) {
	return query(ctx, db, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys ORDER BY created, id`)
}

// SetAccessKeyPolicy replaces a key's policy; empty takes it away. Absence is NotFound.
func (db *DB) SetAccessKeyPolicy(ctx context.Context, id, policy string) error {
	n, err := db.exec(ctx, `UPDATE access_keys SET policy = $1 WHERE id = $2`, policy, id)
	if err == nil && n == 0 {
		err = missingKey(id)
	}
	return err
}

// DeleteAccessKey removes a key. Absence is NotFound.
func (db *DB) DeleteAccessKey(ctx context.Context, id string) error {
	n, err := db.exec(ctx, `DELETE FROM access_keys WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = missingKey(id)
	}
	return err
}

// TouchAccessKey records that a key was used just now. A key that is gone is no error.
func (db *DB) TouchAccessKey(ctx context.Context, id string) error {
	_, err := db.exec(ctx, `UPDATE access_keys SET last_used = $1 WHERE id = $2`, micros(db.clock.now()), id)
	return err
}
