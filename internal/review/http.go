package review

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
)

// NewClient makes the client of all handlers. It keeps as many connections as a handler may have questions, and
// follows no redirects: the time for an answer is short, and where a handler is, the operator says.
func NewClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    128,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
		},
	}
}

// HTTP asks by a POST to an address. The key signs as Standard Webhooks does; the message's id is the webhook's.
func HTTP(client *http.Client, to string, key []byte) Caller {
	return func(ctx context.Context, id string, payload []byte) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(payload))
		if err != nil {
			return nil, errors.New("the address cannot be used")
		}
		now := time.Now()
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", "StreamCat-Review/1")
		r.Header.Set("Webhook-Id", id)
		r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("Webhook-Signature", auth.SignHook(key, id, now, payload))
		return exchange(client, r)
	}
}

// exchange sends a request and gives the body of a 200. Being asked twice does a handler no harm, so a request that
// met a connection which the other end was just closing goes out again: that is what the empty header tells net/http.
func exchange(client *http.Client, r *http.Request) ([]byte, error) {
	r.Header["Idempotency-Key"] = []string{}
	resp, err := client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, errors.New("the answer broke off")
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the handler answered %d", resp.StatusCode)
	case resp.Header.Get("X-Amz-Function-Error") != "":
		return nil, errors.New("the function failed")
	}
	return body, nil
}
