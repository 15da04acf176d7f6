package chatbench

import (
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/gauge"
)

// Floor measures what it costs one thread, per delivery, to write size bytes to each of as many sockets, so many times a
// second, with nothing else to do.
func Floor(members, size, perSecond int, d time.Duration) (time.Duration, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	var readers sync.WaitGroup
	defer readers.Wait()
	var to []net.Conn
	defer func() {
		for _, c := range to {
			c.Close()
		}
	}()
	for range members {
		reader, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return 0, err
		}
		readers.Go(func() {
			defer reader.Close()
			b := make([]byte, 16<<10)
			for {
				if _, err := reader.Read(b); err != nil {
					return
				}
			}
		})
		c, err := ln.Accept()
		if err != nil {
			return 0, err
		}
		to = append(to, c)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := gauge.ThreadCPU()
	if err != nil {
		return 0, err
	}
	rounds, text := int(d.Seconds()*float64(perSecond)), make([]byte, size)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for range rounds {
		for _, c := range to {
			if n, err := c.Write(text); err != nil || n < size {
				return 0, io.ErrShortWrite
			}
		}
		<-tick.C
	}
	after, err := gauge.ThreadCPU()
	return (after - before) / time.Duration(rounds*members), err
}
