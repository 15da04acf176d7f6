package ugc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/streamcat/streamcat/internal/fault"
)

// EngineClient asks /engine/v1 of a server, in signed requests like those of the SDK.
type EngineClient struct {
	Base        string // scheme and host, such as "http://127.0.0.1:8080"
	Region      string
	Credentials aws.CredentialsProvider
	HTTP        interface {
		Do(*http.Request) (*http.Response, error)
	}
}

const (
	engineAnswer = 4 << 20 // of an answer
	engineWait   = 10 * time.Second
)

// Features implements Engine. A server that has never heard of /engine/v1 has none.
func (c *EngineClient) Features(ctx context.Context) ([]string, error) {
	var out struct {
		Features []string `json:"features"`
	}
	err := c.get(ctx, "asking for features", "features", nil, &out)
	if fault.Of(err) == fault.NotFound {
		return nil, nil
	}
	return out.Features, err
}

// StreamHealth implements Engine.
func (c *EngineClient) StreamHealth(ctx context.Context, channelARN string) (out StreamHealth, err error) {
	return out, c.get(ctx, "asking for the stream's health", "channels/"+channelID(channelARN)+"/health", nil, &out)
}

// SessionMetrics implements Engine.
func (c *EngineClient) SessionMetrics(ctx context.Context, channelARN, streamID string, from time.Time) (out SessionMetrics, err error) {
	path := "channels/" + channelID(channelARN) + "/sessions/" + url.PathEscape(streamID) + "/metrics"
	return out, c.get(ctx, "asking for the stream's numbers", path, url.Values{"start": {from.UTC().Format(time.RFC3339)}}, &out)
}

func channelID(arn string) string { return url.PathEscape(arn[strings.LastIndexByte(arn, '/')+1:]) }

// get asks for one thing.
func (c *EngineClient) get(ctx context.Context, what, path string, query url.Values, out any) error {
	body, err := c.ask(ctx, what, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(out); err != nil {
		return fault.Down("%s did not work: the answer cannot be read", what).Because(err)
	}
	return nil
}

// ask sends a signed request and gives the body of a good answer.
func (c *EngineClient) ask(ctx context.Context, what, method, path string, query url.Values, in []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/engine/v1/"+path, bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // which is how signatures write a space
	keys, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fault.Down("%s did not work: there are no credentials", what).Because(err)
	}
	sum := sha256.Sum256(in)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hash, "streamcat", c.Region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return nil, fault.Down("%s did not work: the streaming service does not answer", what).Because(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, engineAnswer))
	if err != nil {
		return nil, fault.Down("%s did not work: the streaming service does not answer", what).Because(err)
	}
	if resp.StatusCode/100 == 2 {
		return body, nil
	}
	var said struct{ Code, Message string }
	_ = json.Unmarshal(body, &said) // what another server says may be no JSON
	cause := fmt.Errorf("status %d: %s: %.256s", resp.StatusCode, said.Code, said.Message)
	switch {
	case said.Code == "ChannelNotBroadcasting":
		return nil, fault.Offline("the channel is not live").Because(cause)
	case resp.StatusCode == http.StatusNotFound:
		return nil, fault.Missing("%s did not work: it does not exist", what).Because(cause)
	case resp.StatusCode == http.StatusBadRequest:
		return nil, fault.InvalidInput("%s was refused: %.256s", what, said.Message).Because(cause)
	}
	return nil, fault.Down("%s did not work: the streaming service is having trouble", what).Because(cause)
}
