package chatlog

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// message is a frame as rooms make them, with what JSON must not break.
func message(n int) []byte {
	return fmt.Appendf(nil, `{"Type":"MESSAGE","Id":"%012d","Content":"<%d> & \u2028 \n"}`, n, n)
}

func recordOf(n int, at time.Time) string {
	return fmt.Sprintf(`{"event_timestamp":"%s","type":"MESSAGE","version":"1.0","payload":%s}`, at.UTC().Format(timeForm), message(n))
}

func TestObjectsHaveAmazonsNamesAndLines(t *testing.T) {
	dir := openDir(t)
	j := newJournal(t, func(d *Deps) { d.Buckets = Folders{dir} })
	name := j.to.put("cfg1", Destination{Bucket: "chat.logs"})
	here := time.FixedZone("east", 3*3600)
	j.Record(roomARN, []string{name}, "MESSAGE", noon.In(here), message(1))
	j.Record(roomARN, []string{name}, "EVENT", noon.Add(time.Hour), []byte(`{"Type":"EVENT"}`))
	j.flush()

	found, err := dir.List(t.Context(), "", "", 10)
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v", found, err)
	}
	form := regexp.MustCompile(`^chat\.logs/AWSLogs/123456789012/IVSChatLogs/1\.0/us-east-1/room_AbCdEfGhIjKl/2026/11/23/12/` +
		`123456789012_IVSChatLogs_1\.0_us-east-1_room_AbCdEfGhIjKl_20261123T1200Z_[0-9a-z]{8}\.log\.gz$`)
	if !form.MatchString(found[0].Key) {
		t.Errorf("key %s", found[0].Key)
	}
	o, err := dir.Get(t.Context(), found[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	body, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"event_timestamp":"2026-11-23T12:00:00.123456789Z","type":"MESSAGE","version":"1.0","payload":` + string(message(1)) + `}`,
		`{"event_timestamp":"2026-11-23T13:00:00.123456789Z","type":"EVENT","version":"1.0","payload":{"Type":"EVENT"}}`,
	}
	if d := cmp.Diff(want, unzip(t, body)); d != "" {
		t.Error(d)
	}
	if left, _ := filepath.Glob(filepath.Join(j.Dir, "*", "*"+batchExt)); len(left) != 0 {
		t.Errorf("delivered and still in the journal: %v", left)
	}
	for name, want := range map[string]float64{"records_total": 2, "delivered_total": 2, "dropped_total": 0, "retries_total": 0, "oldest_undelivered_seconds": 0} {
		if got := j.metric(name, ""); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestEachConfigurationGetsEveryRoomsRecordsInOrder(t *testing.T) {
	j := newJournal(t)
	names := []string{j.to.put("a", Destination{Bucket: "aa"}), j.to.put("b", Destination{Bucket: "bb"}), j.to.put("c", Destination{Bucket: "cc"})}
	const each = 200
	var wg sync.WaitGroup
	for i, room := range []string{roomARN, otherARN} {
		wg.Go(func() {
			for n := range each {
				j.Record(room, names, "MESSAGE", noon, message(i*each+n))
			}
		})
	}
	wg.Wait()
	j.flush()
	var want []string
	for n := range 2 * each {
		want = append(want, recordOf(n, noon))
	}
	for _, bucket := range []string{"aa", "bb", "cc"} {
		if d := cmp.Diff(want, j.at.read(t, bucket)); d != "" {
			t.Errorf("%s: %s", bucket, d)
		}
	}
	if j.at.puts != 6 {
		t.Errorf("%d objects, want one for each room and configuration", j.at.puts)
	}
}

func TestBatchIsOpenForTheDelayOfItsDestination(t *testing.T) {
	j := newJournal(t, func(d *Deps) { d.Tick = time.Hour })
	now := noon
	j.Now = func() time.Time { return now }
	name := j.to.put("a", Destination{Bucket: "aa"})
	say := func(n int) { j.Record(roomARN, []string{name}, "MESSAGE", now, message(n)) }
	c := j.configuration(name)
	delivered := func() int {
		t.Helper()
		c.tend(now)
		if err := c.round(t.Context()); err != nil {
			t.Fatal(err)
		}
		return j.at.puts
	}
	for n := range 10 { // half a minute apart: never quiet for a minute
		say(n)
		if got := delivered(); got != 0 {
			t.Fatalf("delivered after %s", now.Sub(noon))
		}
		now = now.Add(30 * time.Second)
	}
	if got := j.oldest(); got != 5*time.Minute {
		t.Errorf("the oldest is %s old", got)
	}
	if got := delivered(); got != 1 {
		t.Errorf("%d objects after five minutes, want 1", got)
	}
	say(10)
	now = now.Add(59 * time.Second)
	if got := delivered(); got != 1 {
		t.Errorf("a room counts as quiet after %d s", 59)
	}
	now = now.Add(time.Second)
	if got := delivered(); got != 2 {
		t.Error("a quiet room's batch is kept open")
	}
	if d := cmp.Diff(11, len(j.at.read(t, "aa"))); d != "" {
		t.Error(d)
	}
}

func TestRepeatedPutWritesTheSameObject(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "aa"})
	j.at.breakWith(down) // it wrote the object, but the answer is lost
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	if err := j.Flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(2)) // goes into another batch
	j.at.breakWith(nil)
	j.flush()
	if got := j.at.read(t, "aa"); len(got) != 2 || len(j.at.objects) != 2 || j.at.puts != 3 {
		t.Errorf("%d lines in %d objects by %d puts", len(got), len(j.at.objects), j.at.puts)
	}
	if got := j.metric("errors_total", "other"); got != 1 {
		t.Errorf("%v errors counted", got)
	}
}

func TestDestinationThatIsDownIsTriedAgainAndHoldsUpNoOther(t *testing.T) {
	j := newJournal(t, func(d *Deps) { d.Delay = time.Millisecond })
	j.at.breakWith(func(bucket string) error {
		if bucket == "bad" {
			return errDown
		}
		return nil
	})
	names := []string{j.to.put("a", Destination{Bucket: "bad"}), j.to.put("b", Destination{Bucket: "good"})}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		j.Record(roomARN, names, "MESSAGE", noon, message(n))
	}
	until(t, "the good destination's records", func() bool { return j.metric("delivered_total", "s3") == 20 })
	until(t, "a second try", func() bool { return j.metric("retries_total", "") >= 2 })
	j.at.breakWith(nil)
	until(t, "the other's records", func() bool { return j.metric("delivered_total", "s3") == 40 })
	for _, bucket := range []string{"bad", "good"} {
		lines := j.at.read(t, bucket)
		slices.Sort(lines)
		if got := len(slices.Compact(lines)); got != 20 {
			t.Errorf("%s has %d records", bucket, got)
		}
	}
}

func TestNextProcessDeliversWhatTheLastOneLeft(t *testing.T) {
	dir := t.TempDir()
	to, at := &destinations{to: map[string]Destination{}}, &shelf{objects: map[string][]byte{}}
	first := openJournal(t, dir, to, at)
	name := to.put("a", Destination{Bucket: "aa"})
	var want []string
	for n := range 3 {
		first.Record(roomARN, []string{name}, "MESSAGE", noon, message(n))
		want = append(want, recordOf(n, noon))
	}
	first.crash()

	second := openJournal(t, dir, to, at)
	if second.oldest() == 0 {
		t.Error("nothing is said to be left")
	}
	if err := second.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the records", func() bool { return second.metric("delivered_total", "") == 3 })
	if d := cmp.Diff(want, at.read(t, "aa")); d != "" {
		t.Error(d)
	}
}

func TestTornLineIsLeftOutAndCounted(t *testing.T) {
	dir := t.TempDir()
	to, at := &destinations{to: map[string]Destination{}}, &shelf{objects: map[string][]byte{}}
	first := openJournal(t, dir, to, at)
	name := to.put("a", Destination{Bucket: "aa"})
	first.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	first.Record(roomARN, []string{name}, "MESSAGE", noon, message(2))
	first.crash()
	found, _ := filepath.Glob(filepath.Join(first.Dir, "a", "*"+batchExt))
	if len(found) != 1 {
		t.Fatal(found)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(found[0], info.Size()-1); err != nil {
		t.Fatal(err)
	}
	second := openJournal(t, dir, to, at)
	second.flush()
	if d := cmp.Diff([]string{recordOf(1, noon)}, at.read(t, "aa")); d != "" {
		t.Error(d)
	}
	if got := second.metric("dropped_total", "damaged"); got != 1 {
		t.Errorf("%v damaged lines counted", got)
	}
}

func TestDeletedConfigurationGetsWhatWasSaidBefore(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "aa"})
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	if err := j.configuration(name).round(t.Context()); err != nil { // a worker does so at once
		t.Fatal(err)
	}
	j.to.remove(name)
	j.flush()
	if d := cmp.Diff([]string{recordOf(1, noon)}, j.at.read(t, "aa")); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(filepath.Join(j.Dir, "a")); !os.IsNotExist(err) {
		t.Errorf("its part of the journal: %v", err)
	}
}

func TestChangedConfigurationLeadsElsewhere(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "old"})
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	j.flush()
	j.to.put("a", Destination{Bucket: "new"})
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(2))
	j.flush()
	if a, b := len(j.at.read(t, "old")), len(j.at.read(t, "new")); a != 1 || b != 1 {
		t.Errorf("%d and %d records", a, b)
	}
}

func TestFullJournalKeepsWhatItHasAndSaysSo(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	line := int64(len(appendLine(nil, "MESSAGE", noon, message(1))))
	j := newJournal(t, func(d *Deps) { d.DB, d.Keep = db, 3*line })
	name := j.to.put("a", Destination{Bucket: "aa"})
	j.at.breakWith(down)
	for n := range 5 {
		j.Record(roomARN, []string{name}, "MESSAGE", noon, message(n))
	}
	if got := j.metric("dropped_total", "full"); got != 2 {
		t.Errorf("%v records dropped, want 2", got)
	}
	if err := j.Flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	j.at.breakWith(nil)
	j.flush()
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(5))
	j.flush()
	want := []string{recordOf(0, noon), recordOf(1, noon), recordOf(2, noon), recordOf(5, noon)}
	got := j.at.read(t, "aa")
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	events, err := db.Events(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events {
		told = append(told, fmt.Sprint(e.DetailType, " ", strings.Join(e.Resources, ""), " ", string(e.Detail)))
	}
	wantEvents := []string{
		fmt.Sprintf(`StreamCat Chat Log Change %s {"event_name":"Log Full","kept_bytes":%d}`, name, 3*line),
		fmt.Sprintf(`StreamCat Chat Log Change %s {"event_name":"Log Resumed","records_lost":2}`, name),
	}
	if d := cmp.Diff(wantEvents, told); d != "" {
		t.Error(d)
	}
}

func TestManyRoomsShareFewFiles(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "aa"})
	const rooms = maxFiles + 50
	for round := range 2 {
		for n := range rooms {
			j.Record(fmt.Sprintf("arn:aws:ivschat:us-east-1:%s:room/Room%08d", account, n), []string{name}, "MESSAGE", noon, message(round))
		}
	}
	c := j.configuration(name)
	c.mu.Lock()
	files, open := 0, len(c.open)
	for _, b := range c.open {
		if b.file != nil {
			files++
		}
	}
	c.mu.Unlock()
	if files > maxFiles || open != rooms {
		t.Errorf("%d files open for %d batches", files, open)
	}
	found, _ := filepath.Glob(filepath.Join(j.Dir, "a", "*"+batchExt))
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if records, damaged := parseBatch(text); len(records) != 2 || damaged != 0 {
			t.Errorf("%d records, %d damaged in %s", len(records), damaged, path)
		}
	}
	if len(found) != rooms {
		t.Errorf("%d batches", len(found))
	}
}

func TestLargeBatchIsSealedAtOnce(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "aa"})
	frame := []byte(`{"Content":"` + strings.Repeat("x", 16<<10) + `"}`)
	for range maxBatch/len(frame) + 2 {
		j.Record(roomARN, []string{name}, "MESSAGE", noon, frame)
	}
	c := j.configuration(name)
	if len(c.sealed) != 1 || c.sealed[0].size < maxBatch {
		t.Errorf("%d batches sealed", len(c.sealed))
	}
}

func TestShutdownDeliversWhatItCanAndKeepsTheRest(t *testing.T) {
	j := newJournal(t)
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := []string{j.to.put("a", Destination{Bucket: "bad"}), j.to.put("b", Destination{Bucket: "good"}), j.to.put("c", Destination{LogGroup: "nowhere"})}
	j.at.breakWith(func(bucket string) error {
		if bucket == "bad" {
			return errDown
		}
		return nil
	})
	j.Record(roomARN, names, "MESSAGE", noon, message(1))
	if err := j.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(j.at.read(t, "good")); got != 1 {
		t.Errorf("%d records delivered", got)
	}
	for _, id := range []string{"a", "c"} {
		if left, _ := filepath.Glob(filepath.Join(j.Dir, id, "*"+batchExt)); len(left) != 1 {
			t.Errorf("left of %s: %v", id, left)
		}
	}
}

func TestOtherDestinationsAreServedWithinTenSeconds(t *testing.T) {
	j := newJournal(t, func(d *Deps) { d.Tick = time.Hour })
	now := noon
	j.Now = func() time.Time { return now }
	name := j.to.put("a", Destination{Stream: "s"})
	j.Record(roomARN, []string{name}, "MESSAGE", now, message(1))
	c := j.configuration(name)
	if err := c.round(t.Context()); err != nil { // a worker does so at once; then it is known where this leads
		t.Fatal(err)
	}
	sealed := func() int {
		c.tend(now)
		return len(c.sealed)
	}
	if got := sealed(); got != 0 {
		t.Error("sealed at once")
	}
	now = now.Add(5 * time.Second)
	if got := sealed(); got != 1 {
		t.Errorf("%d batches are sealed after five seconds", got)
	}
}

func TestJournalThatCannotBeWrittenSilencesNobody(t *testing.T) {
	j := newJournal(t)
	name := j.to.put("a", Destination{Bucket: "aa"})
	inTheWay := filepath.Join(j.Dir, "a")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	if got := j.metric("dropped_total", "journal"); got != 1 {
		t.Errorf("%v records counted as lost", got)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(2))
	j.flush()
	if d := cmp.Diff([]string{recordOf(2, noon)}, j.at.read(t, "aa")); d != "" {
		t.Error(d)
	}
}

func TestShutdownDoesNotCutOffWhatIsOnItsWay(t *testing.T) {
	arrived, answer := make(chan struct{}, 10), make(chan struct{})
	slow := &slowShelf{shelf: shelf{objects: map[string][]byte{}}, arrived: arrived, answer: answer}
	j := newJournal(t, func(d *Deps) { d.Buckets, d.Delay = slow, time.Millisecond })
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Record(roomARN, []string{j.to.put("a", Destination{Bucket: "aa"})}, "MESSAGE", noon, message(1))
	<-arrived
	done := make(chan error)
	go func() { done <- j.Shutdown(context.Background()) }()
	<-j.life.Done()
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if slow.puts != 1 || slow.cut {
		t.Errorf("%d puts, cut off: %v", slow.puts, slow.cut)
	}
}

// slowShelf answers when the test says so.
type slowShelf struct {
	shelf
	arrived, answer chan struct{}
	cut             bool
}

func (s *slowShelf) Put(ctx context.Context, bucket, key string, body []byte) error {
	s.arrived <- struct{}{}
	select {
	case <-s.answer:
	case <-ctx.Done():
		s.cut = true
		return ctx.Err()
	}
	return s.shelf.Put(ctx, bucket, key, body)
}
