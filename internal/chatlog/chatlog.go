// Package chatlog keeps what is said in rooms that have logging configurations, and brings it to where
// those lead: a bucket, a log group of CloudWatch Logs, a delivery stream of Firehose.
//
// Record appends to the journal, files in a directory of this node's, by write(2): when it returns, the
// record outlives the process, though not the machine until the file is synced, which happens about once
// a second. A file of the journal is a batch: of one room and one configuration, open for some minutes or
// seconds, then sealed, delivered and removed. So the journal is its own list of what is left to do, and
// whoever opens it after a crash goes on with what lies there. A configuration whose destination does not
// answer holds up no other one.
//
// What is promised: each record is delivered at least once, in the order of the room within a batch. In a
// bucket it is there exactly once, because the key of an object follows from its batch and a repeated put
// writes the same object again. The room never waits for a destination. A configuration may have so many
// bytes undelivered and no more; what comes then is not kept, and a metric, the log and an event say so.
//
// What is not: records that a lost disk had, and an order across nodes.
//
// Lock order: Log.mu, configuration.mu. configuration.turn comes before both.
package chatlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Destination is where a logging configuration leads. One of its members is not empty.
type Destination struct {
	Bucket   string `json:"bucket,omitempty"`
	LogGroup string `json:"logGroup,omitempty"`
	Stream   string `json:"stream,omitempty"` // a delivery stream of Firehose
}

// kind names the destination's type, as the API and metrics do.
func (d Destination) kind() string {
	switch {
	case d.Bucket != "":
		return "s3"
	case d.LogGroup != "":
		return "cloudWatchLogs"
	case d.Stream != "":
		return "firehose"
	}
	return "unknown"
}

// Directory knows the logging configurations.
type Directory interface {
	// LogDestination gives where a logging configuration leads now. One that was deleted is a NotFound fault.
	LogDestination(ctx context.Context, configurationARN string) (Destination, error)
}

const (
	defaultDelay = 5 * time.Minute // Amazon's, for buckets
	defaultNear  = 5 * time.Second // so that records are there within Amazon's 10 s
	defaultQuiet = time.Minute
	defaultKeep  = 256 << 20
	defaultTick  = time.Second
	defaultRetry = time.Second
	longestRetry = time.Minute
	lookupFor    = 5 * time.Second // for the directory to answer
	deliverFor   = time.Minute     // for a destination to take one batch
	parallel     = 4               // rooms whose batches are delivered at once, per configuration
)

// Deps is what a Log needs. Dir and Directory must be given.
type Deps struct {
	Dir       string // of the journal; made if it is not there
	Directory Directory

	Buckets Buckets  // nil: records for buckets wait
	Groups  *Groups  // nil: records for log groups wait
	Streams *Streams // nil: records for delivery streams wait

	DB         *store.DB             // gets the events; nil: there are none
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: metrics are not exported
	Now        func() time.Time      // nil: time.Now

	Delay time.Duration // how long a batch for a bucket is open; 0: 5 minutes
	Near  time.Duration // how long a batch for another destination is open; 0: 5 seconds
	Quiet time.Duration // a batch into which nothing came for so long is sealed early; 0: a minute
	Keep  int64         // bytes of undelivered records per configuration; 0: 256 MiB
	Tick  time.Duration // how often batches are looked at and files synced; 0: a second
	Retry time.Duration // pause after the first failure; it doubles up to a minute; 0: a second
}

// Log records and delivers. It is safe for concurrent use, and is a room.Recorder.
type Log struct {
	Deps
	metrics *metrics
	life    context.Context // of the workers, which begin nothing new after it; ended by end
	end     context.CancelFunc
	sending context.Context // of what they have begun; ended by abort
	abort   context.CancelFunc
	work    sync.WaitGroup

	mu             sync.Mutex
	started        bool
	configurations map[string]*configuration // by id
}

// Open opens the journal, with what an earlier process left in it. Nothing is delivered before Start.
func Open(d Deps) (*Log, error) {
	if d.Dir == "" || d.Directory == nil {
		return nil, errors.New("chatlog: a directory for the journal and one of configurations are needed")
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	for _, v := range []struct {
		set   *time.Duration
		usual time.Duration
	}{{&d.Delay, defaultDelay}, {&d.Near, defaultNear}, {&d.Quiet, defaultQuiet}, {&d.Tick, defaultTick}, {&d.Retry, defaultRetry}} {
		if *v.set == 0 {
			*v.set = v.usual
		}
	}
	if d.Keep == 0 {
		d.Keep = defaultKeep
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal of chat: %w", err)
	}
	l := &Log{Deps: d, configurations: map[string]*configuration{}}
	l.life, l.end = context.WithCancel(context.Background())
	l.sending, l.abort = context.WithCancel(context.Background())
	if err := l.recover(); err != nil {
		l.end()
		l.abort()
		return nil, err
	}
	l.metrics = newMetrics(d.Registerer, l.oldest)
	return l, nil
}

// recover finds what an earlier process left.
func (l *Log) recover() error {
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return fmt.Errorf("journal of chat: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		c := l.newConfiguration(e.Name())
		if err := c.recover(); err != nil {
			return fmt.Errorf("journal of chat: %w", err)
		}
		if c.arn != "" {
			l.configurations[c.id] = c
		}
	}
	return nil
}

// Start begins to deliver.
func (l *Log) Start(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
	for _, c := range l.configurations {
		l.work.Go(c.run)
	}
	l.work.Go(l.tend)
	return nil
}

// Shutdown seals every batch and delivers what can be delivered until ctx ends. What is left stays in the
// journal for the next process, so a destination that fails is no error. What is on its way is not cut
// off before, for it would have to be sent again.
func (l *Log) Shutdown(ctx context.Context) error {
	l.end()
	defer context.AfterFunc(ctx, l.abort)()
	l.work.Wait()
	defer l.abort()
	if err := l.Flush(ctx); err != nil {
		l.Log.Info("some chat logs were not delivered yet; they go out after the next start", "error", err)
	}
	return nil
}

// Flush seals every batch and tries once to deliver all. The errors of all configurations are joined.
func (l *Log) Flush(ctx context.Context) error {
	all := l.all()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			c.seal(func(*batch) bool { return true })
			errs[i] = c.round(ctx)
			c.sync()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Record keeps one message or event of a room, for each of its configurations. Kind is MESSAGE or EVENT;
// frame is one line of JSON, and is not kept.
func (l *Log) Record(roomARN string, configurations []string, kind string, received time.Time, frame []byte) {
	buffer := lines.Get().(*[]byte)
	*buffer = appendLine((*buffer)[:0], kind, received, frame)
	for _, name := range configurations {
		l.configuration(name).append(arn.ID(roomARN), received, *buffer)
	}
	lines.Put(buffer)
}

var lines = sync.Pool{New: func() any { return new([]byte) }}

// configuration gives the one of that ARN, and its worker begins with its first record.
func (l *Log) configuration(name string) *configuration {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := arn.ID(name)
	c := l.configurations[id]
	if c == nil {
		c = l.newConfiguration(id)
		c.arn = name
		l.configurations[id] = c
		if l.started && l.life.Err() == nil {
			l.work.Go(c.run)
		}
	}
	return c
}

func (l *Log) newConfiguration(id string) *configuration {
	return &configuration{
		l: l, id: id, dir: filepath.Join(l.Dir, id), log: l.Log.With("configuration", id),
		open: map[string]*batch{}, wake: make(chan struct{}, 1),
	}
}

func (l *Log) all() []*configuration {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*configuration, 0, len(l.configurations))
	for _, c := range l.configurations {
		all = append(all, c)
	}
	return all
}

// tend seals batches whose time is over and syncs files, until the log ends.
func (l *Log) tend() {
	tick := time.NewTicker(l.Tick)
	defer tick.Stop()
	for {
		select {
		case <-l.life.Done():
			return
		case <-tick.C:
		}
		now := l.Now()
		for _, c := range l.all() {
			c.tend(now)
		}
	}
}

// oldest gives for how long the oldest record that is not delivered has waited.
func (l *Log) oldest() time.Duration {
	var oldest time.Time
	for _, c := range l.all() {
		if at := c.oldest(); !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	if oldest.IsZero() {
		return 0
	}
	return max(0, l.Now().Sub(oldest))
}

// missing says that a configuration is deleted.
func missing(err error) bool { return fault.Of(err) == fault.NotFound }
