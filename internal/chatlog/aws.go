package chatlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

const maxAnswer = 1 << 20 // bytes of an answer that are read

// jsonClient calls services that speak AWS's JSON 1.1 protocol. Three operations are needed of two
// services, so it stands in for their SDKs, whose code is many times this server's.
type jsonClient struct {
	cfg      aws.Config
	http     *http.Client
	service  string // as it signs: logs, firehose
	endpoint string
}

// newJSONClient makes a client; endpoint "" is Amazon's in the region of cfg.
func newJSONClient(cfg aws.Config, service, endpoint string) *jsonClient {
	if endpoint == "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			domain += ".cn"
		}
		endpoint = "https://" + service + "." + cfg.Region + "." + domain
	}
	return &jsonClient{cfg: cfg, http: &http.Client{Timeout: deliverFor}, service: service, endpoint: strings.TrimSuffix(endpoint, "/") + "/"}
}

// call makes one request. An error that the service answered is a smithy.APIError.
func (c *jsonClient) call(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), c.service, c.cfg.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return answered(resp.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// answered reads an error. Its type may have a namespace before # and an address behind a colon.
func answered(status int, text []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // in any case
	}
	_ = json.Unmarshal(text, &e) // anybody may answer anything
	_, name, found := strings.Cut(e.Type, "#")
	if !found {
		name = e.Type
	}
	if name, _, _ = strings.Cut(name, ":"); name == "" {
		name = fmt.Sprintf("HTTP %d", status)
	}
	return &smithy.GenericAPIError{Code: name, Message: e.Message}
}
