package api

import (
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	metadataPerChannel = 5    // calls of PutMetadata per second and channel
	maxBuckets         = 8192 // at which those that are full again are forgotten
)

// rateOf gives the published calls per second of an operation, which each has for itself. Where nothing is
// published it is five, as for most.
func rateOf(operation string) int {
	of := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(operation, p) {
				return true
			}
		}
		return false
	}
	switch {
	case of("TagResource", "UntagResource", "ListTagsForResource"):
		return 10
	case operation == "StartViewerSessionRevocation":
		return 10
	case operation == "BatchStartViewerSessionRevocation":
		return 2
	case operation == "PutMetadata":
		return 155
	case operation == "CreateParticipantToken":
		return 50
	case operation == "CreateChatToken":
		return 200
	case operation == "DeleteMessage" || operation == "DisconnectUser" || operation == "SendEvent":
		return 100
	case of("PlaybackKeyPair", "RecordingConfiguration", "PublicKey", "LoggingConfiguration"):
		return 3
	}
	return 5
}

// limiter holds calls to their rates. Each rate is a bucket with one second's worth, which fills steadily. A
// nil limiter lets everything pass.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is how much could be taken at some time.
type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, buckets: map[string]bucket{}}
}

// take counts a call of an operation.
func (l *limiter) take(t target) error {
	if l == nil {
		return nil
	}
	rate := rateOf(t.Name)
	if !l.count(t.service.Name+" "+t.Name, rate) {
		return fault.TooFast(rate, "rate exceeded: %s may be called %d times a second", t.Name, rate)
	}
	return nil
}

// takeNamed counts a call against the rates of what it names.
func (l *limiter) takeNamed(t target, a Access) error {
	if l == nil || t.Name != "PutMetadata" {
		return nil
	}
	for _, name := range a.Resources {
		if _, err := arn.Parse(name); err != nil {
			continue // whatever it is, it is not kept in memory
		}
		if !l.count(t.service.Name+" "+t.Name+" "+name, metadataPerChannel) {
			return fault.TooFast(metadataPerChannel, "rate exceeded: %s may be called %d times a second for one channel", t.Name, metadataPerChannel)
		}
	}
	return nil
}

// count takes one out of a bucket, if there is one.
func (l *limiter) count(key string, rate int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, known := l.buckets[key]
	if !known {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = bucket{float64(rate), now}
	}
	if since := now.Sub(b.at); since > 0 {
		b = bucket{min(float64(rate), b.left+since.Seconds()*float64(rate)), now}
	}
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.buckets[key] = b
	return ok
}

// forget drops the buckets that are full again, as all are after a second.
func (l *limiter) forget(now time.Time) {
	for key, b := range l.buckets {
		if now.Sub(b.at) >= time.Second {
			delete(l.buckets, key)
		}
	}
}
