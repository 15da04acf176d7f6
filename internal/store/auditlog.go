package store

import (
	"context"
	"sync"
	"time"
)

const (
	maxAuditBatch = 512              // entries in one transaction
	auditTime     = 20 * time.Second // that one transaction may take, waiting for the writer included
)

// AuditLog writes the audit entries of many callers in few transactions: while one is under way, whoever
// comes next gathers for the next one. There is no goroutine behind it; one of those who wait writes for
// all. It is safe for concurrent use.
type AuditLog struct {
	db   *DB
	turn chan struct{} // holds a token while somebody writes

	mu   sync.Mutex
	next []*auditBatch // not written yet; all but the last are full
}

// auditBatch is what goes into one transaction.
type auditBatch struct {
	entries []AuditEntry
	done    chan struct{} // closed once it was tried
	err     error         // good after done
}

// NewAuditLog makes an AuditLog.
func NewAuditLog(db *DB) *AuditLog { return &AuditLog{db: db, turn: make(chan struct{}, 1)} }

// Record writes an entry and comes back when it is safe, or cannot be written. No more entries wait than
// there are callers, since each waits for its own. A caller whose context ends leaves, and its entry is
// still written by the others, if there are any.
func (l *AuditLog) Record(ctx context.Context, e AuditEntry) error {
	mine := l.join(e)
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	case l.turn <- struct{}{}:
	}
	defer func() { <-l.turn }()
	for { // batches before this one's are written on the way
		select {
		case <-mine.done:
			return mine.err
		default:
			l.write(ctx)
		}
	}
}

// join puts an entry into the first batch that has room.
func (l *AuditLog) join(e AuditEntry) *auditBatch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.next); n == 0 || len(l.next[n-1].entries) == maxAuditBatch {
		l.next = append(l.next, &auditBatch{done: make(chan struct{})})
	}
	b := l.next[len(l.next)-1]
	b.entries = append(b.entries, e)
	return b
}

// write writes the oldest batch. The caller holds the turn, and a batch that is not done waits.
func (l *AuditLog) write(ctx context.Context) {
	l.mu.Lock()
	b := l.next[0]
	l.next = l.next[1:]
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	b.err = l.db.WriteAudit(ctx, b.entries...)
	close(b.done)
}
