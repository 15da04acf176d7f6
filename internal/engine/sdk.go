package engine

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/ugc"
)

// clients are the SDK clients through which alone the web app speaks to IVS, ours or Amazon's.
type clients struct {
	channels *ivs.Client
	stages   *ivsrealtime.Client
	rooms    *ivschat.Client
	engine   ugc.Engine // nil at Amazon, which has no /engine/v1
}

// newClients makes clients for the configured endpoint. For this server itself requests are signed and
// verified like any other, but handed to the handler without a socket.
func newClients(ctx context.Context, c *Config, self http.Handler, selfURL string, key credentials) (clients, error) {
	cfg := aws.Config{
		Region:       c.Region,
		BaseEndpoint: aws.String(selfURL),
		HTTPClient:   inProcess{self},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret, Source: "StreamCat"}, nil
		}),
	}
	if c.IVSEndpoint != "" {
		// Elsewhere: credentials come from where AWS tools look for them.
		remote, err := config.LoadDefaultConfig(ctx, config.WithRegion(c.Region))
		if err != nil {
			return clients{}, fmt.Errorf("ivs-endpoint: %w", err)
		}
		cfg = remote
		if c.IVSEndpoint != "aws" {
			cfg.BaseEndpoint = aws.String(c.IVSEndpoint)
		}
	}
	out := clients{ivs.NewFromConfig(cfg), ivsrealtime.NewFromConfig(cfg), ivschat.NewFromConfig(cfg), nil}
	if cfg.BaseEndpoint != nil && c.IVSEndpoint != "aws" {
		out.engine = &ugc.EngineClient{Base: *cfg.BaseEndpoint, Region: cfg.Region, Credentials: cfg.Credentials, HTTP: cfg.HTTPClient}
	}
	return out, nil
}

// inProcess is an HTTP client whose server is a handler in this process.
type inProcess struct{ handler http.Handler }

// Do serves the request on the caller's goroutine.
func (p inProcess) Do(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "" // it comes from no address
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}
