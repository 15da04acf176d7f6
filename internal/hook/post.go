package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

const (
	maxAnswer  = 64 << 10 // of a receiver's answer is read; a connection with more to say is closed
	maxExcerpt = 1 << 10  // of it is shown
)

// newClient makes the client of all webhooks. It follows no redirects: a receiver that has moved is to be
// told under its new address, not wherever an answer points. It connects to no forbidden address, whatever
// names lead there.
func newClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Control: refuseForbidden}).DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    8,
			MaxIdleConns:           256,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
		},
	}
}

// forbidden tells the addresses at which no receiver is: link-local ones, and that of Amazon's IPv6. There
// clouds tell a machine its own credentials. Private addresses are not among them, for many receivers have one.
func forbidden(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.WithZone("") == netip.MustParseAddr("fd00:ec2::254")
}

var errForbidden = errors.New("link-local addresses are not told of events")

func refuseForbidden(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err == nil && forbidden(to.Addr()) {
		return errForbidden
	}
	return nil
}

// answer is what a receiver said.
type answer struct {
	status  int
	excerpt string
}

// post sends one signed envelope. An error says that there was no answer; it names no URL, which may hold
// what nobody else should read.
func post(ctx context.Context, client *http.Client, to string, keys [][]byte, e store.Event, envelope []byte, mark http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(envelope))
	if err != nil {
		return answer{}, errors.New("the URL cannot be used")
	}
	now := time.Now()
	for name, values := range mark {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "StreamCat-Webhooks/1")
	r.Header.Set("Webhook-Id", e.ID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("Webhook-Signature", Sign(keys, e.ID, now, envelope))
	r.Header.Set("Streamcat-Sequence", strconv.FormatInt(e.Seq, 10))
	resp, err := client.Do(r)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return answer{}, errors.New("no answer in time")
		}
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return answer{}, fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	first, err := io.ReadAll(io.LimitReader(resp.Body, maxExcerpt))
	if err == nil {
		_, err = io.CopyN(io.Discard, resp.Body, maxAnswer-maxExcerpt)
	}
	if err != nil && !errors.Is(err, io.EOF) && resp.StatusCode/100 != 2 {
		return answer{}, errors.New("the answer broke off")
	}
	return answer{resp.StatusCode, strings.ToValidUTF8(string(first), "\uFFFD")}, nil
}

// verdict makes an error of every answer but a 2xx.
func (a answer) verdict() error {
	if a.status/100 == 2 {
		return nil
	}
	return fmt.Errorf("the receiver answered %d", a.status)
}
