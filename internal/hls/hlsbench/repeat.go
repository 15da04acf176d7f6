package hlsbench

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Repeat has n clients ask for the same files, one after the other, once per period for so long, and
// gives how many answers came. It is the load of Watch without its waiting, for servers of plain files.
func Repeat(ctx context.Context, urls []string, n int, period, d time.Duration) (answers int64, err error) {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	c := &Crowd{client: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: n, DisableCompression: true},
	}}
	defer c.client.CloseIdleConnections()
	var count atomic.Int64
	var clients sync.WaitGroup
	failed := make(chan error, n)
	for i := range n {
		clients.Go(func() {
			wait(ctx, period*time.Duration(i)/time.Duration(n))
			tick := time.NewTicker(period)
			defer tick.Stop()
			var b []byte
			for ctx.Err() == nil {
				for _, u := range urls {
					got, err := c.get(ctx, u, b[:0])
					if err != nil {
						if ctx.Err() == nil {
							failed <- err
						}
						return
					}
					b = got
					count.Add(1)
				}
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	clients.Wait()
	select {
	case err = <-failed:
	default:
	}
	return count.Load(), err
}
