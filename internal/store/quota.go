package store

import (
	"context"
	"fmt"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// withinQuota is called in a transaction before a resource of a kind is inserted: it gives a Quota fault if
// there are limit of them already, and until the transaction ends it keeps others from inserting one that
// asked, too. A limit of zero or less is none.
func (db *DB) withinQuota(ctx context.Context, kind arn.Kind, limit int) error {
	if limit <= 0 {
		return nil
	}
	if err := db.lockQuota(ctx, kind); err != nil {
		return err
	}
	n, _, err := queryOne(ctx, db, scanInt, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM resources WHERE kind = $1 LIMIT %d) AS first`, limit), string(kind))
	return usedUp(kind, n, limit, err)
}

// WithinQuotaOf does for the documents of a kind that have a ref what InsertWithin does for all, but for inserting.
// It must be in the transaction that inserts.
func (db *DB) WithinQuotaOf(ctx context.Context, kind arn.Kind, limit int, ref Ref) error {
	if limit <= 0 {
		return nil
	}
	if err := db.lockQuota(ctx, kind); err != nil {
		return err
	}
	n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM refs WHERE kind = $1 AND name = $2 AND value = $3`, string(kind), ref.Name, ref.indexed())
	return usedUp(kind, n, limit, err)
}

func usedUp(kind arn.Kind, n int64, limit int, err error) error {
	if err == nil && n >= int64(limit) {
		err = fault.OverQuota(limit, "the quota of %d for %s is used up", limit, kind).About(resourceType(kind), "")
	}
	return err
}

// lockQuota lets one transaction at a time count a kind and insert.
func (db *DB) lockQuota(ctx context.Context, kind arn.Kind) error {
	if db.txOf(ctx) == nil {
		panic("store: a quota outside of a transaction")
	}
	return db.lockName(ctx, string(kind))
}

// lockName keeps others that ask for the same name waiting until the transaction of ctx ends.
func (db *DB) lockName(ctx context.Context, name string) error {
	// The row is written for its lock alone.
	_, err := db.exec(ctx, `INSERT INTO outbox_heads (resource, seq) VALUES ($1, 0)
		ON CONFLICT (resource) DO UPDATE SET seq = 0`, "quota "+name)
	return err
}
