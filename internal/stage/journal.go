package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	batchSize    = 500     // entries in one transaction: it holds up other writers for no longer
	maxMinor     = 50_000  // entries that wait before those of mere viewers are refused
	maxEntries   = 200_000 // entries that wait before all are
	writeTimeout = 20 * time.Second
	minRetry     = 50 * time.Millisecond
	maxRetry     = 5 * time.Second
	maxAttempts  = 3         // at an entry that fails though the database answers
	batchMemory  = time.Hour // for which a batch is known to have been written
)

// entry is something that happened, in the order of its members.
type entry struct {
	begin  *store.StageSession
	put    *store.StageParticipant
	events []store.StageEvent
	tell   []store.Event
	copied *store.Replication // that began, or ended
	end    *ending
	minor  bool   // may be refused when the journal is far behind
	done   func() // called when it is written
}

type ending struct {
	session store.StageSession
	at      time.Time
}

// journal writes entries down in order, many in one transaction, and tries until the database takes them.
// Nobody waits for it. What it can no longer hold or write is made good when the session ends, or by Recover:
// a row that says "publishing" or "connected" tells what events are owed.
type journal struct {
	db      *store.DB
	log     *slog.Logger
	metrics *metrics
	wake    func()

	life context.Context // ended by kill
	kill context.CancelFunc
	more chan struct{} // something waits, or the journal is closed
	done chan struct{} // closed when run has returned

	mu      sync.Mutex
	waiting []entry
	closed  bool
}

func newJournal(db *store.DB, log *slog.Logger, m *metrics, wake func()) *journal {
	j := &journal{db: db, log: log, metrics: m, wake: wake, more: make(chan struct{}, 1), done: make(chan struct{})}
	j.life, j.kill = context.WithCancel(context.Background())
	go j.run()
	return j
}

// add puts an entry at the end. It never waits; it is false if the entry is refused.
func (j *journal) add(e entry) bool {
	j.mu.Lock()
	n := len(j.waiting)
	taken := !j.closed && n < maxEntries && (n < maxMinor || !e.minor)
	if taken {
		j.waiting = append(j.waiting, e)
	}
	j.mu.Unlock()
	if !taken {
		j.metrics.unwritten.Inc()
		return false
	}
	select {
	case j.more <- struct{}{}:
	default:
	}
	return true
}

// close takes no more and waits until all is written, or ctx ends.
func (j *journal) close(ctx context.Context) error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	select {
	case j.more <- struct{}{}:
	default:
	}
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
	}
	if left := j.abandon(); left > 0 {
		return fmt.Errorf("%d changes of stages are not written; the next start will make them good: %w", left, ctx.Err())
	}
	return nil
}

// abandon stops the writing at once and gives how much is not written.
func (j *journal) abandon() int {
	j.kill()
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	return len(j.waiting)
}

// depth is how many entries wait.
func (j *journal) depth() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

func (j *journal) run() {
	defer close(j.done)
	for j.life.Err() == nil {
		batch, closed := j.next()
		if len(batch) == 0 {
			if closed {
				return
			}
			select {
			case <-j.more:
			case <-j.life.Done():
			}
			continue
		}
		if !j.persist(batch) {
			return
		}
		j.mu.Lock()
		j.waiting = j.waiting[len(batch):]
		if len(j.waiting) == 0 {
			j.waiting = nil // gives the memory of a long wait back
		}
		j.mu.Unlock()
		told := false
		for _, e := range batch {
			told = told || len(e.tell) > 0 || e.copied != nil || e.end != nil
			if e.done != nil {
				e.done()
			}
		}
		if told {
			j.wake()
		}
	}
}

// next gives the entries to be written next, which stay in the queue until they are.
func (j *journal) next() (batch []entry, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.waiting[:min(len(j.waiting), batchSize)], j.closed
}

// persist writes a batch, again and again; false if it was told to stop. An entry that cannot be written
// though the database answers is given up: it must not stand in the way of all others.
func (j *journal) persist(batch []entry) bool {
	id, wait := uuid.NewString(), minRetry
	for attempt := 1; ; attempt++ {
		err := j.write(id, batch)
		switch {
		case err == nil:
			return true
		case j.life.Err() != nil:
			return false
		}
		j.metrics.retries.Inc()
		if !transient(err) && attempt >= maxAttempts {
			if len(batch) == 1 {
				j.metrics.unwritten.Inc()
				j.log.Error("a change of a stage cannot be written", "err", err)
				return true
			}
			for i := range batch {
				if !j.persist(batch[i : i+1]) {
					return false
				}
			}
			return true
		}
		j.log.Error("could not write what happened on stages, trying again", "changes", len(batch), "err", err)
		select {
		case <-j.life.Done():
			return false
		case <-time.After(wait):
		}
		wait = min(2*wait, maxRetry)
	}
}

// transient says whether an error may go away by itself.
func transient(err error) bool {
	return fault.Of(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded)
}

// write writes a batch in one transaction, unless it was written already and only the answer was lost.
func (j *journal) write(id string, batch []entry) error {
	ctx, cancel := context.WithTimeout(j.life, writeTimeout)
	defer cancel()
	return j.db.Tx(ctx, func(ctx context.Context) error {
		first, err := j.db.Once(ctx, "stage journal", id, time.Now().Add(batchMemory))
		if err != nil || !first {
			return err
		}
		rows := lastPuts(batch)
		for i, e := range batch {
			if err := j.apply(ctx, e, rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// lastPuts gives, for the entries that hold the last word on their participant, the row to be written: only
// those need be. Like the database's row it keeps from earlier words that the participant published, when it
// joined first, and what became of recording it. A session's end looks at the rows, so whatever comes before it counts by itself.
func lastPuts(batch []entry) []*store.StageParticipant {
	rows, last := make([]*store.StageParticipant, len(batch)), map[[2]string]*store.StageParticipant{}
	for i := len(batch) - 1; i >= 0; i-- {
		if batch[i].end != nil {
			clear(last)
		}
		p := batch[i].put
		if p == nil {
			continue
		}
		key := [2]string{p.SessionID, p.ParticipantID}
		row := last[key]
		if row == nil {
			row = new(*p)
			rows[i], last[key] = row, row
		}
		row.Published = row.Published || p.Published
		row.Joined = p.Joined
		if row.Recording == "" {
			row.Recording = p.Recording
		}
	}
	return rows
}

func (j *journal) apply(ctx context.Context, e entry, row *store.StageParticipant) error {
	if e.begin != nil {
		if err := j.db.InsertStageSession(ctx, *e.begin); err != nil && fault.Of(err) != fault.Conflict {
			return err
		}
	}
	if row != nil {
		if err := j.db.PutStageParticipant(ctx, *row); err != nil {
			return err
		}
	}
	for _, event := range e.events {
		if err := j.db.AppendStageEvent(ctx, event); err != nil {
			return err
		}
	}
	for _, event := range e.tell {
		if err := j.db.AppendEvent(ctx, event); err != nil {
			return err
		}
	}
	if e.copied != nil {
		if err := putReplication(ctx, j.db, *e.copied); err != nil {
			return err
		}
	}
	if e.end == nil {
		return nil
	}
	for {
		if more, err := closeSome(ctx, j.db, e.end.session, e.end.at); err != nil || !more {
			return err
		}
	}
}
