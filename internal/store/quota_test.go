package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestQuotaHoldsWhenManyInsertAtOnce(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const limit, writers = 5, 12
		c := channels(db)
		var done sync.WaitGroup
		var made, refused atomic.Int64
		for i := range writers {
			done.Go(func() {
				_, err := c.InsertWithin(t.Context(), limit, mint.New(arn.Channel), &channelDoc{Key: fmt.Sprint(i)}, nil)
				switch fault.Of(err) {
				case fault.Quota:
					refused.Add(1)
				default:
					if err != nil {
						t.Error(err)
					}
					made.Add(1)
				}
			})
		}
		done.Wait()
		if made.Load() != limit || refused.Load() != writers-limit {
			t.Errorf("%d made and %d refused, want %d and %d", made.Load(), refused.Load(), limit, writers-limit)
		}
	})
}

func TestNoQuotaIsNoLimit(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		if _, err := channels(db).InsertWithin(t.Context(), 0, mint.New(arn.Channel), &channelDoc{}, nil); err != nil {
			t.Error(err)
		}
	})
}
