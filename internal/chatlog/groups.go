package chatlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Limits of PutLogEvents (CloudWatch Logs API reference).
const (
	maxLogEvents = 10_000
	maxLogBytes  = 1 << 20
	logOverhead  = 26 // bytes that each event counts beyond its own
	maxLogSpan   = 24 * time.Hour
)

// Groups are log groups of CloudWatch Logs.
type Groups struct{ client *jsonClient }

// NewGroups makes a client of CloudWatch Logs in the region of cfg, or at an endpoint.
func NewGroups(cfg aws.Config, endpoint string) *Groups {
	return &Groups{newJSONClient(cfg, "logs", endpoint)}
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"` // milliseconds
	Message   string `json:"message"`
}

// put sends records to a log stream, which it makes if there is none; a group it does not make. It calls
// done for what was taken, with how many of those were rejected: too old or too new for the group.
func (g *Groups) put(ctx context.Context, group, stream string, records []record, done func(taken []record, rejected int) error) error {
	// Within one millisecond or between two connections, records may be out of order by a little.
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b record) int { return a.received.Compare(b.received) })
	for len(records) > 0 {
		n := fitting(records)
		rejected, err := g.putSome(ctx, group, stream, records[:n])
		if err != nil {
			return err
		}
		if err := done(inOrder(records[:n]), rejected); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// fitting gives how many of the records one call takes: at least one, for none is nearly as large as a call.
func fitting(records []record) int {
	size := 0
	for i, r := range records {
		size += len(r.json) + logOverhead
		if i > 0 && (i == maxLogEvents || size > maxLogBytes || r.received.Sub(records[0].received) >= maxLogSpan) {
			return i
		}
	}
	return len(records)
}

func inOrder(records []record) []record {
	records = slices.Clone(records)
	slices.SortFunc(records, func(a, b record) int { return a.index - b.index })
	return records
}

func (g *Groups) putSome(ctx context.Context, group, stream string, records []record) (rejected int, err error) {
	events := make([]logEvent, len(records))
	for i, r := range records {
		events[i] = logEvent{r.received.UnixMilli(), string(r.json)}
	}
	in := map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": events}
	var out struct {
		Rejected struct {
			TooNewFrom *int `json:"tooNewLogEventStartIndex"`
			TooOldTo   *int `json:"tooOldLogEventEndIndex"`
			ExpiredTo  *int `json:"expiredLogEventEndIndex"`
		} `json:"rejectedLogEventsInfo"`
	}
	err = g.client.call(ctx, "Logs_20140328.PutLogEvents", in, &out)
	if code(err) == "ResourceNotFoundException" {
		make := map[string]any{"logGroupName": group, "logStreamName": stream}
		if err := g.client.call(ctx, "Logs_20140328.CreateLogStream", make, nil); err != nil && code(err) != "ResourceAlreadyExistsException" {
			return 0, fmt.Errorf("log stream %s: %w", stream, err)
		}
		err = g.client.call(ctx, "Logs_20140328.PutLogEvents", in, &out)
	}
	if err != nil {
		return 0, err
	}
	from, to := 0, len(events)
	for _, end := range []*int{out.Rejected.TooOldTo, out.Rejected.ExpiredTo} {
		if end != nil {
			from = max(from, min(*end, to))
		}
	}
	if start := out.Rejected.TooNewFrom; start != nil {
		to = max(from, min(*start, to))
	}
	return len(events) - (to - from), nil
}
