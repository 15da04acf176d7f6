package chatlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/blob"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account  = "123456789012"
	roomARN  = "arn:aws:ivschat:us-east-1:" + account + ":room/AbCdEfGhIjKl"
	otherARN = "arn:aws:ivschat:us-east-1:" + account + ":room/OtherOther00"
	patience = 20 * time.Second
)

func configurationARN(id string) string {
	return "arn:aws:ivschat:us-east-1:" + account + ":logging-configuration/" + id
}

var (
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 123_456_789, time.UTC)
)

// destinations is a directory that tests change.
type destinations struct {
	mu sync.Mutex
	to map[string]Destination
}

func (d *destinations) LogDestination(_ context.Context, name string) (Destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	to, ok := d.to[name]
	if !ok {
		return to, fault.Missing("%s does not exist", name)
	}
	return to, nil
}

func (d *destinations) put(id string, to Destination) (name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = configurationARN(id)
	d.to[name] = to
	return name
}

func (d *destinations) remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.to, name)
}

// shelf is a set of buckets in memory that tests can break.
type shelf struct {
	mu      sync.Mutex
	objects map[string][]byte // by bucket and key
	puts    int
	fail    func(bucket string) error // after the object was written; nil: nothing fails
}

func (s *shelf) Put(_ context.Context, bucket, key string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	s.objects[bucket+"/"+key] = bytes.Clone(body)
	if s.fail != nil {
		return s.fail(bucket)
	}
	return nil
}

func (s *shelf) breakWith(fail func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// read gives the lines of all objects of a bucket, in the order of keys.
func (s *shelf) read(t testing.TB, bucket string) (lines []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(k, bucket+"/") {
			lines = append(lines, unzip(t, s.objects[k])...)
		}
	}
	return lines
}

func unzip(t testing.TB, body []byte) []string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body)) // the standard library's, not the one that wrote it
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		t.Errorf("the last line has no end: %q", text)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// journal is an open Log with what it stands on.
type journal struct {
	*Log
	t   testing.TB
	reg *prometheus.Registry
	to  *destinations
	at  *shelf
}

func newJournal(t testing.TB, change ...func(*Deps)) *journal {
	t.Helper()
	return openJournal(t, t.TempDir(), &destinations{to: map[string]Destination{}}, &shelf{objects: map[string][]byte{}}, change...)
}

func openJournal(t testing.TB, dir string, to *destinations, at *shelf, change ...func(*Deps)) *journal {
	t.Helper()
	j := &journal{t: t, reg: prometheus.NewRegistry(), to: to, at: at}
	d := Deps{
		Dir: filepath.Join(dir, "chatlog"), Directory: to, Buckets: at, Log: quiet, Registerer: j.reg,
		Tick: 5 * time.Millisecond, Retry: time.Millisecond,
	}
	for _, f := range change {
		f(&d)
	}
	var err error
	if j.Log, err = Open(d); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.crash)
	return j
}

// crash ends the goroutines without anything that a process does when it stops in order.
func (j *journal) crash() {
	j.end()
	j.abort()
	j.work.Wait()
}

func (j *journal) flush() {
	j.t.Helper()
	if err := j.Flush(j.t.Context()); err != nil {
		j.t.Fatal(err)
	}
}

// metric gives the sum of a metric's values whose labels have this value, or of all.
func (j *journal) metric(name, label string) (sum float64) {
	j.t.Helper()
	families, err := j.reg.Gather()
	if err != nil {
		j.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "streamcat_chatlog_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := label == ""
			for _, l := range m.GetLabel() {
				matches = matches || l.GetValue() == label
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// until waits for what must become true.
func until(t testing.TB, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !true(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not come", what)
		}
	}
}

var errDown = errors.New("the destination is down")

func down(string) error { return errDown }

func openDir(t testing.TB) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
