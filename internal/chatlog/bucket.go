package chatlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/gzip"

	"github.com/streamcat/streamcat/internal/blob"
)

// Buckets are where logs lie as objects.
type Buckets interface {
	// Put writes an object as a whole, over the one that may be there.
	Put(ctx context.Context, bucket, key string, body []byte) error
}

// key gives the name of a batch's object, as Amazon has it (IVS Chat user guide, "Chat Logging"). The time
// is that of the first record, and nothing in the name depends on when it is delivered.
func key(account, region string, b *batch) string {
	began := b.began.UTC()
	name := fmt.Sprintf("%s_IVSChatLogs_1.0_%s_room_%s_%s_%s.log.gz", account, region, b.room, began.Format("20060102T1504Z"), b.hash)
	return fmt.Sprintf("AWSLogs/%s/IVSChatLogs/1.0/%s/room_%s/%s/%s", account, region, b.room, began.Format("2006/01/02/15"), name)
}

// object gives the content of an object: a line for each record, compressed. The same records give the
// same bytes.
func object(records []record) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for _, r := range records {
		_, _ = w.Write(r.json)
		_, _ = w.Write([]byte("\n"))
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

const objectType = "application/gzip"

// Folders are buckets that are folders of one blob.Bucket, which may be a directory of this machine.
type Folders struct{ In blob.Bucket }

// Put writes an object.
func (f Folders) Put(ctx context.Context, bucket, key string, body []byte) error {
	return f.In.Put(ctx, bucket+"/"+key, bytes.NewReader(body), blob.Meta{ContentType: objectType})
}

// S3 are buckets of Amazon S3, or of a store that speaks as it does.
type S3 struct{ client *s3.Client }

// NewS3 makes buckets. Stores other than Amazon's, at an endpoint, are asked by path, and not given
// checksums that few of them know.
func NewS3(cfg aws.Config, endpoint string) *S3 {
	return &S3{s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.RetryMaxAttempts = 1 // the courier tries again
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &endpoint, true
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}
	})}
}

// Put writes an object.
func (s *S3) Put(ctx context.Context, bucket, key string, body []byte) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String(objectType), ContentLength: aws.Int64(int64(len(body))),
	})
	if err != nil && ctx.Err() != nil {
		return errors.Join(fmt.Errorf("no answer within %s", deliverFor.Round(time.Second)), err)
	}
	return err
}
