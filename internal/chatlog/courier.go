package chatlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// DetailType is of the events that tell of a log that loses records, and of its end.
const DetailType = "StreamCat Chat Log Change"

// run delivers until the log ends: at once what is there, then whatever is sealed.
func (c *configuration) run() {
	c.nudge()
	for failures := 0; ; {
		select {
		case <-c.l.life.Done():
			return
		case <-c.wake:
		}
		err := c.round(c.l.sending)
		if err == nil {
			failures = 0
			continue
		}
		if c.l.life.Err() != nil {
			return
		}
		pause := c.l.Retry << min(failures, 10)
		pause = min(pause, longestRetry)
		pause -= time.Duration(rand.Int64N(int64(pause)/5 + 1))
		failures++
		c.l.metrics.retries.Inc()
		c.log.Warn("chat logs were not delivered", "error", err, "again_in", pause.Round(time.Millisecond))
		timer := time.NewTimer(pause)
		select {
		case <-c.l.life.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		c.nudge()
	}
}

// round tries once to deliver every batch that is sealed. Rooms do not wait for each other, but the
// batches of a room go in order.
func (c *configuration) round(ctx context.Context) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.tell(ctx)
	to, gone, err := c.find(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	rooms := map[string][]*batch{}
	for _, b := range c.sealed {
		rooms[b.room] = append(rooms[b.room], b)
	}
	c.mu.Unlock()

	var (
		mu    sync.Mutex
		errs  []error
		wg    sync.WaitGroup
		slots = make(chan struct{}, parallel)
	)
	for _, batches := range rooms {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for _, b := range batches {
				if err := c.deliver(ctx, to, b); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
			}
		})
		mu.Lock()
		failed := len(errs) > 0
		mu.Unlock()
		if failed {
			break // where one room's do not get in, the others' hardly will
		}
	}
	wg.Wait()
	if len(errs) > 0 {
		c.l.metrics.failed(c.id, errs[0])
		return errs[0]
	}
	if gone {
		c.forget()
	}
	c.tell(ctx)
	return nil
}

// find gives where the configuration leads. One that was deleted leads where it last led, for records
// from before must not be lost; one that was deleted before anybody asked leads nowhere.
func (c *configuration) find(ctx context.Context) (to Destination, gone bool, err error) {
	c.mu.Lock()
	last := c.to
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookupFor)
	defer cancel()
	to, err = c.l.Directory.LogDestination(ctx, c.arn)
	switch {
	case missing(err):
		return last, true, nil
	case err != nil && last != (Destination{}):
		return last, false, nil
	case err != nil:
		return to, false, fmt.Errorf("logging configuration: %w", err)
	case to == last:
		return to, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
	if !c.noted { // then it is with the first batch
		return to, false, nil
	}
	c.noted = false
	return to, false, c.note()
}

// forget removes the directory of a configuration that was deleted and has nothing left to deliver.
func (c *configuration) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noted && len(c.open) == 0 && len(c.sealed) == 0 {
		c.noted = false
		if err := errors.Join(os.Remove(filepath.Join(c.dir, remembered)), os.Remove(c.dir)); err != nil {
			c.log.Warn("the journal of a deleted logging configuration stays", "error", err)
		}
	}
}

// deliver brings one batch to its destination and removes it.
func (c *configuration) deliver(ctx context.Context, to Destination, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, deliverFor)
	defer cancel()
	text, err := os.ReadFile(b.path + batchExt)
	if errors.Is(err, fs.ErrNotExist) {
		c.log.Error("a batch of the journal of chat is not there any more", "batch", filepath.Base(b.path))
		return c.remove(b)
	}
	if err != nil {
		return fmt.Errorf("journal of chat: %w", err)
	}
	records, damaged := parseBatch(text)
	note, err := os.ReadFile(b.path + sentExt)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("journal of chat: %w", err)
	}
	sent := parseSent(note, len(records))
	left := make([]record, 0, len(records))
	for _, r := range records {
		if !sent[r.index] {
			left = append(left, r)
		}
	}
	if to == (Destination{}) {
		c.log.Error("records of chat are dropped: their logging configuration was deleted at once", "records", len(left))
		c.lost("deleted", len(left))
	} else if len(left) > 0 {
		if err := c.send(ctx, to, b, records, left); err != nil {
			return fmt.Errorf("%s: %w", to.kind(), err)
		}
	}
	if damaged > 0 {
		c.log.Error("lines of the journal of chat are damaged and not delivered", "lines", damaged)
		c.lost("damaged", damaged)
	}
	return c.remove(b)
}

// send gives the records that are left to the destination; a bucket gets all of them as one object.
func (c *configuration) send(ctx context.Context, to Destination, b *batch, all, left []record) error {
	delivered := c.l.metrics.delivered.WithLabelValues(to.kind())
	done := func(taken []record, rejected int) error {
		delivered.Add(float64(len(taken) - rejected))
		if rejected > 0 {
			c.log.Error("a destination of chat logs rejected records for good", "records", rejected)
			c.lost("rejected", rejected)
		}
		return b.noteSent(taken)
	}
	switch {
	case to.Bucket != "" && c.l.Buckets != nil:
		name, err := arn.Parse(c.arn)
		if err != nil {
			return err
		}
		body, err := object(all)
		if err != nil {
			return err
		}
		if err := c.l.Buckets.Put(ctx, to.Bucket, key(name.Account, name.Region, b), body); err != nil {
			return err
		}
		delivered.Add(float64(len(all)))
		return nil
	case to.LogGroup != "" && c.l.Groups != nil:
		return c.l.Groups.put(ctx, to.LogGroup, "aws/IVSChatLogs/1.0/room_"+b.room, left, done)
	case to.Stream != "" && c.l.Streams != nil:
		return c.l.Streams.put(ctx, to.Stream, filepath.Base(b.path), left, done)
	}
	return errUnreachable
}

var errUnreachable = errors.New("this server is not set up to reach such destinations; records wait")

// noteSent writes down that records were delivered, so that they are not delivered again.
func (b *batch) noteSent(records []record) error {
	var text []byte
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].index == records[n-1].index+1 {
			n++
		}
		text = fmt.Appendf(text, "%d %d\n", records[0].index, records[n-1].index+1)
		records = records[n:]
	}
	f, err := os.OpenFile(b.path+sentExt, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// remove ends a batch that is delivered.
func (c *configuration) remove(b *batch) error {
	if err := os.Remove(b.path + batchExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("journal of chat: %w", err)
	}
	_ = os.Remove(b.path + sentExt) // there mostly is none
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = slices.DeleteFunc(c.sealed, func(o *batch) bool { return o == b })
	c.bytes -= b.size
	if c.full && c.bytes <= c.l.Keep/2 {
		c.full = false
		c.log.Info("a chat log has room again", "lost", c.dropped)
	}
	return nil
}

func (c *configuration) lost(why string, records int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(why, records)
}

// tell writes the event of a log that became full, or has room again. What cannot be written is tried
// again in the next round.
func (c *configuration) tell(ctx context.Context) {
	c.mu.Lock()
	full, told, dropped := c.full, c.told, c.dropped
	c.mu.Unlock()
	if full == told {
		return
	}
	if c.l.DB != nil {
		detail := map[string]any{"event_name": "Log Full", "kept_bytes": c.l.Keep}
		if !full {
			detail = map[string]any{"event_name": "Log Resumed", "records_lost": dropped}
		}
		text, err := json.Marshal(detail)
		if err == nil {
			err = c.l.DB.AppendEvent(ctx, store.Event{DetailType: DetailType, Resources: []string{c.arn}, Time: c.l.Now(), Detail: text})
		}
		if err != nil {
			c.log.Error("the event of a full chat log was not written", "error", err)
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = full
	if !full {
		c.dropped -= dropped
	}
}

// code gives the name that AWS has for an error; "": it has none.
func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}
