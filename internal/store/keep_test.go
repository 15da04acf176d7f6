package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestAccessKeysComeAndGo(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		now := start
		db := open(t, url, store.Options{Now: func() time.Time { return now }})
		ctx := t.Context()
		first := store.AccessKey{ID: "AK1", AccountID: "000000000000", Sealed: []byte{0, 1, 255}, Root: true, Note: "first start"}
		second := store.AccessKey{ID: "AK0", AccountID: "000000000000", Sealed: []byte("x"), Created: start.Add(time.Hour)}
		check(t, db.InsertAccessKey(ctx, second))
		check(t, db.InsertAccessKey(ctx, first))
		wantKind(t, db.InsertAccessKey(ctx, first), fault.Conflict)
		first.Created = start
		if diff := cmp.Diff([]store.AccessKey{first, second}, must[[]store.AccessKey](t)(db.AccessKeys(ctx))); diff != "" {
			t.Error(diff)
		}
		now = start.Add(time.Minute)
		check(t, db.TouchAccessKey(ctx, "AK1"))
		check(t, db.TouchAccessKey(ctx, "unknown"))
		first.LastUsed = now
		if diff := cmp.Diff(first, must[store.AccessKey](t)(db.AccessKey(ctx, "AK1"))); diff != "" {
			t.Error(diff)
		}
		first.Policy = `{"Statement":[]}`
		check(t, db.SetAccessKeyPolicy(ctx, "AK1", first.Policy))
		wantKind(t, db.SetAccessKeyPolicy(ctx, "unknown", ""), fault.NotFound)
		if diff := cmp.Diff([]store.AccessKey{first, second}, must[[]store.AccessKey](t)(db.AccessKeys(ctx))); diff != "" {
			t.Error(diff)
		}
		check(t, db.DeleteAccessKey(ctx, "AK1"))
		wantKind(t, db.DeleteAccessKey(ctx, "AK1"), fault.NotFound)
		_, err := db.AccessKey(ctx, "AK1")
		wantKind(t, err, fault.NotFound)
	})
}

func TestOnceIsTrueForOneOfMany(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		var first atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				ok, err := db.Once(t.Context(), "chat", "token", time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if ok {
					first.Add(1)
				}
			})
		}
		wg.Wait()
		if first.Load() != 1 {
			t.Errorf("true for %d", first.Load())
		}
		if ok := must[bool](t)(db.Once(t.Context(), "other", "token", time.Now())); !ok {
			t.Error("another purpose is not the first")
		}
	})
}

func TestOnceForgetsWhatIsPastItsTime(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		now := start
		db := open(t, url, store.Options{Now: func() time.Time { return now }})
		once := func(id string, want bool) {
			t.Helper()
			if got := must[bool](t)(db.Once(t.Context(), "p", id, now.Add(time.Minute))); got != want {
				t.Errorf("%s at %v: got %v", id, now, got)
			}
		}
		once("a", true)
		now = start.Add(59 * time.Second)
		once("a", false)
		once("b", true)
		now = start.Add(90 * time.Second)
		once("a", true)
		once("b", false)
	})
}

func TestSettingsAreKept(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		if _, ok, err := db.Setting(t.Context(), "s"); ok || err != nil {
			t.Errorf("new: %v, %v", ok, err)
		}
		for _, v := range [][]byte{{0, 255}, nil, []byte("text")} {
			check(t, db.PutSetting(t.Context(), "s", v))
			got, ok, err := db.Setting(t.Context(), "s")
			if err != nil || !ok || string(got) != string(v) {
				t.Errorf("%q: got %q, %v, %v", v, got, ok, err)
			}
		}
	})
}

// writerURL tells a copy of this test program to write to a database and say so until it is killed.
const writerURL = "STREAMCAT_TEST_WRITER_URL"

// What a process has acknowledged is there after kill -9.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writerURL+"="+url)
		out, err := child.StdoutPipe()
		check(t, err)
		check(t, child.Start())
		acknowledged, lines := 0, bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // a line without its end was never said
				break
			}
			if acknowledged, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
				t.Fatalf("the writer says %q", line)
			}
			if acknowledged == 50 {
				check(t, child.Process.Kill())
			}
		}
		if err := child.Wait(); err == nil || acknowledged < 50 {
			t.Fatalf("the writer ended by itself after %d: %v", acknowledged, err)
		}
		db := open(t, url, store.Options{})
		for i := 1; i <= acknowledged; i++ {
			if _, ok, err := db.Setting(t.Context(), fmt.Sprint(i)); !ok || err != nil {
				t.Fatalf("of %d acknowledged, number %d is not there: %v", acknowledged, i, err)
			}
		}
	})
}

// writeUntilKilled is that copy's work.
func writeUntilKilled(url string) error {
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		if err := db.PutSetting(context.Background(), fmt.Sprint(i), []byte("x")); err != nil {
			return err
		}
		fmt.Println(i)
	}
}
