package engine

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreGood(t *testing.T) {
	c := Defaults()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.HTTPAddr != "127.0.0.1:8080" || c.Region != "us-east-1" || c.Ephemeral {
		t.Errorf("got %+v", c)
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	for setting, spoil := range map[string]func(*Config){
		"http-addr":           func(c *Config) { c.HTTPAddr = "nowhere" },
		"rtmp-addr":           func(c *Config) { c.RTMPAddr = "127.0.0.1:99999" },
		"region":              func(c *Config) { c.Region = "US East" },
		"account-id":          func(c *Config) { c.AccountID = "12" },
		"root-access-key-id":  func(c *Config) { c.RootAccessKeyID = "AKIAAAAAAAAAAAAAAAAA" },
		"hook-secret":         func(c *Config) { c.HookSecret = "short" },
		"public-url":          func(c *Config) { c.PublicURL = "live.example.org" },
		"database-url":        func(c *Config) { c.DatabaseURL = "mysql://u:hunter2@db/x" },
		"nats-url":            func(c *Config) { c.NATSURL = "nats:4222" },
		"ivs-endpoint":        func(c *Config) { c.IVSEndpoint = "amazon" },
		"insecure-ingest":     func(c *Config) { c.InsecureIngest = "never" },
		"chat-logs":           func(c *Config) { c.ChatLogs = "s3" },
		"chat-log-endpoint":   func(c *Config) { c.ChatLogEndpoint = "minio:9000" },
		"chat-log-streams":    func(c *Config) { c.ChatLogStreams = "audit=https://logs.example/in, https://u:hunter2@logs.example" },
		"chat-log-secret":     func(c *Config) { c.ChatLogSecret = "whsec_hunter2" },
		"chat-log-delay":      func(c *Config) { c.ChatLogDelay = "2h" },
		"chat-log-keep":       func(c *Config) { c.ChatLogKeep = "lots" },
		"blob-url":            func(c *Config) { c.BlobURL = "s3://bucket?secret=hunter2" },
		"chat-limits":         func(c *Config) { c.ChatLimits = "on" },
		"chat-history":        func(c *Config) { c.ChatHistory = "1001" },
		"admin-addr":          func(c *Config) { c.AdminAddr = "" },
		"trusted-proxies":     func(c *Config) { c.TrustedProxies = "10.0.0.0/8, proxy" },
		"ephemeral":           func(c *Config) { c.Ephemeral, c.DatabaseURL = true, "postgres://db/x" },
		"turn-addr":           func(c *Config) { c.TURNAddr = "on" },
		"https-addr":          func(c *Config) { c.HTTPSAddr = "443" },
		"tls-cert":            func(c *Config) { c.TLSCert = "cert.pem" },
		"tls-key":             func(c *Config) { c.TLSKey = "key.pem" },
		"acme-domains":        func(c *Config) { c.ACMEDomains = "tv.example, *.tv.example" },
		"acme-email":          func(c *Config) { c.ACMEEmail = "ops@tv.example" },
		"acme-ca":             func(c *Config) { c.ACMEDomains, c.ACMECA = "tv.example", "http://ca.example" },
		"retention":           func(c *Config) { c.Retention = "a while" },
		"reconnect-window":    func(c *Config) { c.ReconnectWindow = "6m" },
		"app-tag":             func(c *Config) { c.AppTag = "" },
		"chat-review":         func(c *Config) { c.ChatReview = reviewARN + "=https://u:hunter2@review.example/" },
		"chat-review-secret":  func(c *Config) { c.ChatReviewSecret = "short" },
		"chat-review-lambda":  func(c *Config) { c.ChatReviewLambda = "on" },
		"app-review-handler":  func(c *Config) { c.AppReviewHandler = "https://review.example/" },
		"chat-review-timeout": func(c *Config) { c.ChatReviewTimeout = "1m" },
	} {
		c := Defaults()
		spoil(&c)
		var bad *BadConfig
		if err := c.Check(); !errors.As(err, &bad) || bad.Setting != setting {
			t.Errorf("%s: got %v", setting, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the message shows a password: %v", setting, err)
		}
	}
}

func TestPublicURLIsASchemeAndAHost(t *testing.T) {
	for url, good := range map[string]bool{
		"https://live.example.org": true, "http://[::1]:8080": true, "HTTPS://Live.Example.org/": true,
		"http://:8080": false, "https://live.example.org/app": false, "https://live.example.org?x=1": false, "ftp://x": false,
	} {
		c := Defaults()
		c.PublicURL = url
		if err := c.Check(); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
	if got := publicURL("", "https://tv.example"); got != "https://tv.example" {
		t.Errorf("got %s", got)
	}
	if got := publicURL("HTTPS://Live.example.org/", ""); got != "https://Live.example.org" {
		t.Errorf("got %s", got)
	}
}

func TestRetentionIsInDaysOrHours(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60d": 1440 * time.Hour, "36h": 36 * time.Hour, "1h": time.Hour,
		"": 0, "0d": 0, "-1d": 0, "59m": 0, "1.5d": 0, "99999d": 0, "d": 0, "forever": 0,
	} {
		got, err := parseRetention(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

const reviewARN = "arn:aws:lambda:us-east-1:000000000000:function:review"

func TestReviewHandlersArePairsOfARNAndURL(t *testing.T) {
	for text, want := range map[string]int{
		"": 0,
		reviewARN + "=https://review.example/hook?key=v":                                         1,
		" " + reviewARN + "=http://127.0.0.1:9/ , " + reviewARN + ":live=https://review.example": 2,
		reviewARN:                           -1,
		reviewARN + "=":                     -1,
		reviewARN + "=review.example":       -1,
		reviewARN + "=ftp://review.example": -1,
		"https://review.example":            -1,
		"review=https://review.example":     -1,
		reviewARN + "=https://a.example," + reviewARN + "=https://b.example": -1,
	} {
		c := Defaults()
		c.ChatReview = text
		err := c.Check()
		if urls, _ := c.reviewURLs(); (err == nil) != (want >= 0) || err == nil && len(urls) != want {
			t.Errorf("%q: %v, %v", text, urls, err)
		}
	}
}
