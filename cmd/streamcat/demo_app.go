package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// appClient speaks the web app's own JSON as a browser does, with a cookie.
type appClient struct {
	base string
	http http.Client
}

func newAppClient(base string) *appClient {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("a cookie jar without options cannot fail: " + err.Error())
	}
	return &appClient{strings.TrimSuffix(base, "/"), http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// answers says whether a server is ready at base.
func answers(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// refused is an answer of the app that is not a success.
type refused struct {
	status  int
	message string
}

func (r *refused) Error() string {
	return fmt.Sprintf("the web app says: %s (%d)", r.message, r.status)
}

// call sends in as JSON, if it is not nil, and decodes the answer into out, if that is not nil.
func (a *appClient) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var e struct{ Error struct{ Message string } }
		if json.Unmarshal(b, &e) != nil || e.Error.Message == "" {
			e.Error.Message = http.StatusText(resp.StatusCode)
		}
		return &refused{resp.StatusCode, e.Error.Message}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// demoChannel is where the clip goes. publishURL holds the stream key.
type demoChannel struct{ username, publishURL string }

// newChannel registers a person with a made-up name and prepares that person's channel.
func (a *appClient) newChannel(ctx context.Context, title string) (demoChannel, error) {
	c := demoChannel{username: "demo-" + strings.ToLower(rand.Text()[:6])}
	account := map[string]string{"username": c.username, "password": rand.Text()}
	err := a.patiently(ctx, func() error { return a.call(ctx, http.MethodPost, "/api/register", account, nil) })
	if err != nil {
		return c, fmt.Errorf("register %s: %w", c.username, err)
	}
	var dashboard struct{ Ingest struct{ Server string } }
	if err := a.call(ctx, http.MethodPatch, "/api/dashboard", map[string]string{"title": title}, &dashboard); err != nil {
		return c, fmt.Errorf("set the title: %w", err)
	}
	var key struct{ Value string }
	if err := a.call(ctx, http.MethodPost, "/api/dashboard/stream-key/reveal", struct{}{}, &key); err != nil {
		return c, fmt.Errorf("get the stream key: %w", err)
	}
	c.publishURL = strings.TrimSuffix(dashboard.Ingest.Server, "/") + "/" + key.Value
	return c, nil
}

const (
	retryEvery  = 300 * time.Millisecond
	patientFor  = 20 * time.Second
	liveWithin  = 20 * time.Second
	notYetReady = http.StatusServiceUnavailable
)

// patiently repeats do while the app says that it is not ready yet.
func (a *appClient) patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patientFor)
	defer cancel()
	for {
		err := do()
		var r *refused
		if !errors.As(err, &r) || r.status != notYetReady {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryEvery):
		}
	}
}

// waitLive waits until the channel's page says that it is live.
func (a *appClient) waitLive(ctx context.Context, username string) error {
	ctx, cancel := context.WithTimeout(ctx, liveWithin)
	defer cancel()
	for {
		var card struct{ Live bool }
		err := a.call(ctx, http.MethodGet, "/api/channels/"+username, nil, &card)
		if err == nil && card.Live {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("the channel did not turn live in time"), err)
		case <-time.After(retryEvery):
		}
	}
}
