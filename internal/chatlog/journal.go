package chatlog

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
)

const (
	maxBatch = 8 << 20 // bytes after which a batch is sealed
	maxFiles = 256     // files that are open at a time, per configuration

	remembered = "configuration.json" // what a directory of the journal belongs to
	batchExt   = ".log"
	sentExt    = ".sent" // beside a batch: which of its records were delivered
)

// configuration is the part of the journal that belongs to one logging configuration: a directory.
type configuration struct {
	l            *Log
	arn, id, dir string
	log          *slog.Logger
	wake         chan struct{}

	turn sync.Mutex // held while batches are delivered

	mu      sync.Mutex
	to      Destination       // as last heard of
	noted   bool              // the directory says whose it is
	open    map[string]*batch // that records are appended to, by the id of the room
	files   int               // of them have an open file
	sealed  []*batch          // to be delivered, the oldest first
	bytes   int64             // of all batches
	full    bool              // records were not kept, and since then there was not much room
	told    bool              // that it is full
	dropped int               // records since it has been full
}

// batch is one file of the journal: records of one room, in the order in which they came.
type batch struct {
	path  string // without extension
	room  string
	began time.Time // when its first record was received
	hash  string    // tells it from others that began at the same time

	opened, last time.Time // by the clock of the Log
	size         int64
	file         *os.File // nil: not open now
	dirty        bool     // something was appended since the last sync
}

// memory is what a file in the directory says of the configuration.
type memory struct {
	ARN         string      `json:"arn"`
	Destination Destination `json:"destination"`
}

// append keeps a line of a room's, or counts it as lost.
func (c *configuration) append(room string, received time.Time, line []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes+int64(len(line)) > c.l.Keep {
		c.drop("full", 1)
		if !c.full {
			c.full = true
			c.log.Error("a chat log is full: what is said is not kept until its destination takes records again", "bytes", c.bytes)
			c.nudge()
		}
		return
	}
	b := c.open[room]
	if b == nil {
		b = c.begin(room, received)
	}
	if err := c.write(b, line); err != nil {
		c.drop("journal", 1)
		if b.size > 0 {
			c.sealOne(b) // its end may be torn
		} else {
			c.closeFile(b)
		}
		c.log.Error("a record of chat was not kept", "error", err)
		return
	}
	c.open[room] = b
	b.size += int64(len(line))
	b.last, b.dirty = c.l.Now(), true
	c.bytes += int64(len(line))
	c.l.metrics.records.Inc()
	c.l.metrics.bytes.Add(float64(len(line)))
	if b.size >= maxBatch {
		c.sealOne(b)
		c.nudge()
	}
}

// drop counts records that will not be delivered, with c.mu held.
func (c *configuration) drop(why string, records int) {
	c.l.metrics.dropped.WithLabelValues(why).Add(float64(records))
	if why == "full" {
		c.dropped += records
	}
}

func (c *configuration) begin(room string, received time.Time) *batch {
	b := &batch{room: room, began: received, hash: strings.ToLower(arn.NewID(8)), opened: c.l.Now()}
	b.path = filepath.Join(c.dir, fmt.Sprintf("%s.%d.%s", room, received.UnixMicro(), b.hash))
	return b
}

// write appends a line to a batch's file, whole or not at all as long as the disk obeys.
func (c *configuration) write(b *batch, line []byte) (err error) {
	if b.file == nil {
		if err := c.note(); err != nil {
			return err
		}
		if b.file, err = os.OpenFile(b.path+batchExt, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
			return err
		}
		c.files++
		c.spareFiles(b)
	}
	n, err := b.file.Write(line)
	if err != nil && n > 0 {
		err = errors.Join(err, b.file.Truncate(b.size))
	}
	return err
}

// spareFiles closes some other file when there are too many; it is opened again with its next record.
func (c *configuration) spareFiles(but *batch) {
	for _, b := range c.open {
		if c.files <= maxFiles {
			return
		}
		if b != but {
			c.closeFile(b)
		}
	}
}

func (c *configuration) closeFile(b *batch) {
	if b.file != nil {
		_ = b.file.Close() // what was written is written
		b.file = nil
		c.files--
	}
}

// note makes the directory and writes down whose it is, with c.mu held.
func (c *configuration) note() error {
	if c.noted {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(memory{c.arn, c.to})
	if err != nil {
		return err
	}
	temporary := filepath.Join(c.dir, remembered+".new")
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	if err := errors.Join(syncPath(temporary), os.Rename(temporary, filepath.Join(c.dir, remembered))); err != nil {
		return err
	}
	c.noted = true
	return errors.Join(syncPath(c.dir), syncPath(c.l.Dir))
}

// sealOne ends a batch, with c.mu held.
func (c *configuration) sealOne(b *batch) {
	c.closeFile(b)
	delete(c.open, b.room)
	c.sealed = append(c.sealed, b)
}

// seal ends the batches that which chooses and wakes the worker if there are any.
func (c *configuration) seal(which func(*batch) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.open {
		if which(b) {
			c.sealOne(b)
		}
	}
	if len(c.sealed) > 0 {
		c.nudge()
	}
}

func (c *configuration) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// tend seals what was open for long enough and syncs what was written.
func (c *configuration) tend(now time.Time) {
	c.mu.Lock()
	delay := c.l.Delay
	if c.to != (Destination{}) && c.to.Bucket == "" {
		delay = c.l.Near
	}
	c.mu.Unlock()
	c.seal(func(b *batch) bool { return now.Sub(b.opened) >= delay || now.Sub(b.last) >= c.l.Quiet })
	c.sync()
}

// sync makes what was written outlive the machine. Nobody who appends waits for it.
func (c *configuration) sync() {
	c.mu.Lock()
	var dirty []string
	for _, b := range c.sealed {
		if b.dirty {
			b.dirty = false
			dirty = append(dirty, b.path+batchExt)
		}
	}
	for _, b := range c.open {
		if b.dirty {
			b.dirty = false
			dirty = append(dirty, b.path+batchExt)
		}
	}
	c.mu.Unlock()
	if len(dirty) == 0 {
		return
	}
	for _, path := range append(dirty, c.dir) {
		if err := syncPath(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // delivered meanwhile
			c.log.Error("the journal of chat cannot be synced", "error", err)
		}
	}
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// recover finds the batches that an earlier process left. They are sealed, whatever they were then.
func (c *configuration) recover() error {
	text, err := os.ReadFile(filepath.Join(c.dir, remembered))
	var m memory
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		c.log.Error("a part of the journal of chat cannot be read and is left alone", "error", err)
		return nil
	}
	c.arn, c.to, c.noted = m.ARN, m.Destination, true
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		b := c.parseName(e.Name())
		if b == nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		b.size = info.Size()
		c.bytes += b.size
		c.sealed = append(c.sealed, b)
	}
	slices.SortFunc(c.sealed, func(a, b *batch) int {
		return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.path, b.path))
	})
	return nil
}

// parseName gives the batch whose file has that name; nil: it is none.
func (c *configuration) parseName(name string) *batch {
	stem, ok := strings.CutSuffix(name, batchExt)
	words := strings.Split(stem, ".")
	if !ok || len(words) != 3 || words[0] == "" || words[2] == "" {
		return nil
	}
	began, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return nil
	}
	return &batch{path: filepath.Join(c.dir, stem), room: words[0], began: time.UnixMicro(began), hash: words[2]}
}

// oldest gives when the first record was received that is not delivered; zero: there is none.
func (c *configuration) oldest() (oldest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.sealed {
		if oldest.IsZero() || b.began.Before(oldest) {
			oldest = b.began
		}
	}
	for _, b := range c.open {
		if oldest.IsZero() || b.began.Before(oldest) {
			oldest = b.began
		}
	}
	return oldest
}
