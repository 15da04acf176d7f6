package engine

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/review"
)

const (
	minReview = 10 * time.Millisecond
	maxReview = 10 * time.Second
)

// functionForm is what rooms may name as their review handler.
var functionForm = regexp.MustCompile(`^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:[^,= ]{1,100}$`)

// checkReview wants the settings about reviews of chat messages to make sense.
func (c *Config) checkReview() error {
	if _, err := c.reviewURLs(); err != nil {
		return err
	}
	if _, err := parseReviewTimeout(c.ChatReviewTimeout); err != nil {
		return err
	}
	if c.ChatReviewSecret != "" && len(c.ChatReviewSecret) < 16 {
		return &BadConfig{"chat-review-secret", "must have at least 16 characters"}
	}
	if c.AppReviewHandler != "" && !functionForm.MatchString(c.AppReviewHandler) {
		return &BadConfig{"app-review-handler", fmt.Sprintf("%q is not the ARN of a Lambda function", c.AppReviewHandler)}
	}
	if c.ChatReviewLambda == "off" || c.ChatReviewLambda == "aws" {
		return nil
	}
	return wantURL("chat-review-lambda", c.ChatReviewLambda, "http", "https")
}

// reviewURLs reads the addresses of handlers by their ARN. Errors do not repeat an address, which may hold a secret.
func (c *Config) reviewURLs() (map[string]string, error) {
	urls := map[string]string{}
	for pair := range strings.SplitSeq(c.ChatReview, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		arn, to, _ := strings.Cut(pair, "=")
		if !functionForm.MatchString(arn) {
			return nil, &BadConfig{"chat-review", "must be pairs arn=url, comma-separated, with ARNs of Lambda functions"}
		}
		if u, err := url.Parse(to); err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, &BadConfig{"chat-review", fmt.Sprintf("what stands for %s is not an http:// or https:// URL without a user", arn)}
		}
		if _, twice := urls[arn]; twice {
			return nil, &BadConfig{"chat-review", arn + " is there twice"}
		}
		urls[arn] = to
	}
	return urls, nil
}

// reviewTimeout reads the setting, which Check has found good.
func (c *Config) reviewTimeout() time.Duration {
	d, err := parseReviewTimeout(c.ChatReviewTimeout)
	if err != nil {
		panic("engine: a configuration was not checked: " + err.Error())
	}
	return d
}

func parseReviewTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, &BadConfig{"chat-review-timeout", fmt.Sprintf("%q is not a duration such as 200ms", text)}
	case d < minReview || d > maxReview:
		return 0, &BadConfig{"chat-review-timeout", "must be from 10ms to 10s"}
	}
	return d, nil
}

// appReviewHandler is the review handler of the rooms that the web app makes; "" is none. On this server's own
// engine it is the app itself, under a name that nobody else's function has.
func (c *Config) appReviewHandler() string {
	if c.AppReviewHandler == "" && c.IVSEndpoint == "" {
		return ownReviewHandler(c)
	}
	return c.AppReviewHandler
}

func ownReviewHandler(c *Config) string {
	return "arn:aws:lambda:" + c.Region + ":" + c.AccountID + ":function:streamcat-chat-review"
}

// newReviews makes what asks review handlers. own answers for the web app, the secret is that of its hooks. A
// configured address goes before all.
func (e *Engine) newReviews(ctx context.Context, own http.Handler, secret string) (*review.Handlers, error) {
	cfg := &e.cfg
	urls, err := cfg.reviewURLs()
	if err != nil {
		return nil, err
	}
	client := review.NewClient()
	e.add("review handlers", nil, func(context.Context) error {
		client.CloseIdleConnections()
		return nil
	})
	key := auth.HookKey(secret)
	if cfg.ChatReviewSecret != "" {
		key = auth.HookKey(cfg.ChatReviewSecret)
	}
	d := review.Deps{Timeout: cfg.reviewTimeout(), Fixed: map[string]review.Caller{}, Log: e.log.With("part", "review"), Registerer: e.reg}
	if cfg.IVSEndpoint == "" {
		d.Fixed[ownReviewHandler(cfg)] = inProcessReview(own, secret)
	}
	for arn, to := range urls {
		d.Fixed[arn] = review.HTTP(client, to, key)
	}
	if cfg.ChatReviewLambda != "off" {
		remote, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region))
		if err != nil {
			return nil, fmt.Errorf("chat-review-lambda: %w", err)
		}
		endpoint := cfg.ChatReviewLambda
		if endpoint == "aws" {
			endpoint = ""
		}
		d.Other = review.Lambda(client, remote.Credentials, endpoint)
	}
	return review.New(d), nil
}

// inProcessReview asks the web app at its own door without a socket, with the secret that anybody else would need.
func inProcessReview(web http.Handler, secret string) review.Caller {
	return func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/hooks/chat-review", bytes.NewReader(payload))
		if err != nil {
			return nil, err
		}
		r.RemoteAddr = "127.0.0.1:0"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		web.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return nil, fmt.Errorf("the web app answered %d", w.Code)
		}
		return w.Body.Bytes(), nil
	}
}
