package review

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Lambda asks real functions by their ARN: the operation Invoke, signed, answered when the function is done. The
// endpoint is a scheme and a host; "" is Amazon's in the function's region.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func Lambda(client *http.Client, credentials aws.CredentialsProvider, endpoint string) func(arn string) Caller {
	signer := v4.NewSigner()
	return func(arn string) Caller {
		parts := strings.SplitN(arn, ":", 5)
		if len(parts) < 5 || parts[3] == "" {
			return nil
		}
		region, base := parts[3], strings.TrimSuffix(endpoint, "/")
		if base == "" {
			base = "https://lambda." + region + ".amazonaws.com"
		}
		to := base + "/2015-03-31/functions/" + strings.ReplaceAll(url.PathEscape(arn), ":", "%3A") + "/invocations"
		return func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(payload))
			if err != nil {
				return nil, errors.New("the address cannot be used")
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
			keys, err := credentials.Retrieve(ctx)
			if err != nil {
				return nil, errors.New("there are no credentials for it")
			}
			sum := sha256.Sum256(payload)
			if err := signer.SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), "lambda", region, time.Now()); err != nil {
				return nil, errors.New("the request cannot be signed")
			}
			return exchange(client, r)
		}
	}
}
