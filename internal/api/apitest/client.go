// Package apitest helps tests to call the API with AWS's SDK for Go.
package apitest

import (
	"bytes"
	"io"
	"net/http"
)

// Client is an HTTP client for SDK clients that ask once. The SDK closes a request's body as soon as the
// answer's headers are there; where net/http has not yet seen the body's end, it drops the connection and
// the answer with it, and the SDK relies on asking again (github.com/aws/aws-sdk-go-v2/issues/2737). This
// one sends a copy that the SDK cannot close.
func Client() *http.Client {
	return &http.Client{Transport: copying{http.DefaultTransport.(*http.Transport).Clone()}}
}

type copying struct{ next *http.Transport }

func (c copying) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return c.next.RoundTrip(r)
}

func (c copying) CloseIdleConnections() { c.next.CloseIdleConnections() }
