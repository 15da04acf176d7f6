package chatlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/streamcat/streamcat/internal/hook"
)

// Limits of PutRecordBatch (Firehose API reference); posts to a URL keep to them, too.
const (
	maxStreamRecords = 500
	maxStreamBytes   = 4 << 20
)

// Streams are delivery streams of Firehose, some of which may be URLs instead.
type Streams struct {
	client *jsonClient       // nil: only URLs
	urls   map[string]string // by the stream's name
	keys   [][]byte          // sign what goes to a URL; none: it is not signed
	http   *http.Client
}

// StreamsDeps says where records for delivery streams go.
type StreamsDeps struct {
	AWS      *aws.Config // nil: nowhere, if the stream is not among URLs
	Endpoint string      // of Firehose; "": Amazon's
	URLs     map[string]string
	Secret   string // as of a webhook: whsec_ and base64; "": posts are not signed
}

// NewStreams makes delivery streams. A bad secret is an Invalid fault.
func NewStreams(d StreamsDeps) (*Streams, error) {
	s := &Streams{urls: d.URLs, http: &http.Client{
		Timeout:       deliverFor,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if d.AWS != nil {
		s.client = newJSONClient(*d.AWS, "firehose", d.Endpoint)
	}
	if d.Secret != "" {
		key, err := hook.ParseSecret(d.Secret)
		if err != nil {
			return nil, err
		}
		s.keys = [][]byte{key}
	}
	return s, nil
}

// put sends records to a delivery stream and calls done for what was taken, which may be less than all
// of a call when it gives an error.
func (s *Streams) put(ctx context.Context, stream, batch string, records []record, done func(taken []record, rejected int) error) error {
	to, mapped := s.urls[stream]
	if !mapped && s.client == nil {
		return errUnreachable
	}
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && n < maxStreamRecords && (n == 0 || size+len(records[n].json) < maxStreamBytes) {
			size += len(records[n].json) + 1
			n++
		}
		var err error
		taken := records[:n]
		if mapped {
			err = s.post(ctx, to, batch, taken)
			if err != nil {
				taken = nil
			}
		} else {
			taken, err = s.putSome(ctx, stream, taken)
		}
		if len(taken) > 0 {
			err = errors.Join(err, done(taken, 0))
		}
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

type streamRecord struct{ Data []byte } // base64 in JSON

// putSome gives the records that Firehose took.
func (s *Streams) putSome(ctx context.Context, stream string, records []record) (taken []record, err error) {
	data := make([]streamRecord, len(records))
	for i, r := range records {
		data[i].Data = r.json
	}
	var out struct {
		FailedPutCount   int
		RequestResponses []struct{ ErrorCode, ErrorMessage string }
	}
	if err := s.client.call(ctx, "Firehose_20150804.PutRecordBatch", map[string]any{"DeliveryStreamName": stream, "Records": data}, &out); err != nil {
		return nil, err
	}
	if out.FailedPutCount == 0 {
		return records, nil
	}
	if len(out.RequestResponses) != len(records) {
		return nil, fmt.Errorf("an answer for %d of %d records", len(out.RequestResponses), len(records))
	}
	why := ""
	for i, r := range out.RequestResponses {
		if r.ErrorCode == "" {
			taken = append(taken, records[i])
		} else {
			why = r.ErrorCode
		}
	}
	return taken, fmt.Errorf("%d of %d records were not taken: %s", len(records)-len(taken), len(records), why)
}

// post sends records to a URL, a line each, as a webhook of Standard Webhooks would be told. The id says
// which records they are, so a receiver knows those it has already. An error names no URL, which may hold
// what nobody else should read.
func (s *Streams) post(ctx context.Context, to, batch string, records []record) error {
	var body bytes.Buffer
	for _, r := range records {
		body.Write(r.json)
		body.WriteByte('\n')
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, &body)
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	id, now := fmt.Sprintf("%s.%d", batch, records[0].index), time.Now()
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("User-Agent", "StreamCat-ChatLog/1")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	if len(s.keys) > 0 {
		r.Header.Set("Webhook-Signature", hook.Sign(s.keys, id, now, body.Bytes()))
	}
	resp, err := s.http.Do(r)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	return nil
}
