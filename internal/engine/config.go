package engine

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Config is everything an operator may set. The tags are read three times: by the command line (flags,
// STREAMCAT_* environment, YAML file), by Defaults, and by the generator of docs/config.md.
type Config struct {
	DataDir             string `name:"data-dir" default:"./data" help:"Directory for the database, the embedded message bus, recordings and keys. Nothing is written elsewhere."`
	Ephemeral           bool   `name:"ephemeral" help:"Use a temporary data-dir and remove it at exit: for CI and tests."`
	HTTPAddr            string `name:"http-addr" default:"127.0.0.1:8080" help:"Web app, the IVS APIs, chat and stage sockets, WHIP and HLS: one listener."`
	RTMPAddr            string `name:"rtmp-addr" default:"127.0.0.1:1935" help:"RTMP ingest."`
	SRTAddr             string `name:"srt-addr" default:"127.0.0.1:9000" help:"SRT ingest, on UDP."`
	WebRTCAddr          string `name:"webrtc-addr" default:"127.0.0.1:8189" help:"All WebRTC media: one UDP port and the same TCP port."`
	TURNAddr            string `name:"turn-addr" default:"off" help:"A relay (TURN) for WebRTC media of guests behind strict firewalls, on UDP and TCP, such as 0.0.0.0:3478; with TLS, on the port of HTTPS, too. It relays to this server alone. off: none."`
	AdminAddr           string `name:"admin-addr" default:"127.0.0.1:9600" help:"Prometheus /metrics and /debug/pprof. Keep it private."`
	HTTPSAddr           string `name:"https-addr" default:":443" help:"HTTPS, WSS and RTMPS on one port, once tls-cert or acme-domains is set."`
	TLSCert             string `name:"tls-cert" help:"PEM file of the certificate and its chain; read anew when it changes."`
	TLSKey              string `name:"tls-key" help:"PEM file of the private key that belongs to tls-cert."`
	ACMEDomains         string `name:"acme-domains" help:"Names, comma-separated, to get certificates for by ACME, instead of tls-cert. It agrees to the authority's terms."`
	ACMEEmail           string `name:"acme-email" help:"Address that the certificate authority may write to."`
	ACMECA              string `name:"acme-ca" help:"URL of the ACME directory; Let's Encrypt if empty."`
	InsecureIngest      string `name:"insecure-ingest" default:"auto" enum:"auto,enforce" help:"auto: plain RTMP and SRT are accepted for every channel while no TLS is configured or the peer is loopback; enforce: the channel's insecureIngest decides, as at AWS."`
	PublicIP            string `name:"public-ip" help:"Addresses that WebRTC media is sent to from outside, comma-separated, each an IP or IP:port; those of webrtc-addr if empty."`
	PublicURL           string `name:"public-url" help:"What goes into playbackUrl, endpoints and links; if empty, https:// and https-addr with TLS, else http:// and http-addr."`
	TrustedProxies      string `name:"trusted-proxies" help:"Addresses or networks, comma-separated, whose X-Forwarded-For is believed; nobody's if empty."`
	GeoIPFile           string `name:"geoip-file" help:"A MaxMind DB file (.mmdb) with countries, read again when it changes, by which playback restriction policies know where a viewer is; without it the countries of policies are not enforced."`
	Region              string `name:"region" default:"us-east-1" help:"Appears in ARNs; requests must be signed for it."`
	AccountID           string `name:"account-id" default:"000000000000" help:"12 digits; appears in ARNs."`
	RootAccessKeyID     string `name:"root-access-key-id" help:"First API credentials; made at first start and kept in data-dir/credentials if empty."`
	RootSecretAccessKey string `name:"root-secret-access-key" help:"The secret that belongs to root-access-key-id." secret:"yes"`
	DatabaseURL         string `name:"database-url" help:"postgres://… or sqlite:/path; SQLite in data-dir if empty." secret:"yes"`
	NATSURL             string `name:"nats-url" help:"nats://… of a cluster; embedded, without a listener, if empty." secret:"yes"`
	IVSEndpoint         string `name:"ivs-endpoint" help:"The IVS that the web app uses: this server if empty, another one's URL, or aws."`
	AppTag              string `name:"app-tag" default:"streamcat" help:"Value of the tag project on all that the web app makes."`
	HookSecret          string `name:"hook-secret" help:"What /hooks/* demands; made at first start if empty." secret:"yes"`
	ChatLimits          string `name:"chat-limits" default:"aws" enum:"aws,off" help:"aws: 10 requests a second per connection and the room's rate; off: for load tests and trusted rooms."`
	ChatHistory         string `name:"chat-history" default:"200" help:"How many of its last messages and events each chat room keeps in memory, 128 KiB at most, for clients that ask for them when they join: 0 to 1000."`
	BlobURL             string `name:"blob-url" help:"Where objects are kept: file: and an absolute path; the directory blobs in data-dir if empty. Chat logs lie there below the name of their bucket."`
	ChatLogs            string `name:"chat-logs" default:"local" enum:"local,aws" help:"Where logging configurations of chat lead. local: buckets are folders in blob-url, and records for log groups and delivery streams wait, but for chat-log-streams; aws: to Amazon, with credentials from where AWS tools look for them."`
	ChatLogEndpoint     string `name:"chat-log-endpoint" help:"With chat-logs aws: URL of a service that speaks as Amazon does, for buckets, log groups and delivery streams; Amazon's if empty."`
	ChatLogStreams      string `name:"chat-log-streams" help:"Delivery streams that are URLs, name=URL, comma-separated: records are posted there, a line of JSON each." secret:"yes"`
	ChatLogSecret       string `name:"chat-log-secret" help:"Signs what is posted to chat-log-streams, in the format of webhooks: whsec_ and base64; it is not signed if empty." secret:"yes"`
	ChatLogDelay        string `name:"chat-log-delay" default:"5m" help:"How long records for a bucket are gathered into one object, from 1s to 1h; a room that was quiet for a minute is written earlier. Other destinations get records within 10 s."`
	ChatLogKeep         string `name:"chat-log-keep" default:"256MiB" help:"Undelivered records of chat that are kept for each logging configuration; what comes beyond is lost."`
	ChatReview          string `name:"chat-review" help:"Where the review handlers of chat rooms are: pairs arn=url, comma-separated, the ARN being the one that rooms name. Messages are posted there as JSON, as a Lambda function would get them, signed as Standard Webhooks says."`
	ChatReviewSecret    string `name:"chat-review-secret" help:"Signs what chat-review is asked; hook-secret if empty. whsec_ and base64, or any text." secret:"yes"`
	ChatReviewLambda    string `name:"chat-review-lambda" default:"off" help:"aws: ARNs that chat-review does not name are invoked as Lambda functions at Amazon, with credentials from where AWS tools look; a URL: at that endpoint, which speaks Lambda's Invoke; off: they cannot be asked, and the room's fallback result holds."`
	ChatReviewTimeout   string `name:"chat-review-timeout" default:"200ms" help:"How long a review handler has for a message, from 10ms to 10s; then the room's fallback result holds."`
	AppReviewHandler    string `name:"app-review-handler" help:"ARN of the Lambda function that reviews messages in the web app's rooms; if empty, the web app itself on this server's engine, nobody elsewhere. A function may pass on to /hooks/chat-review."`
	ReconnectWindow     string `name:"reconnect-window" default:"30s" help:"How long a channel's stream waits for an encoder that was lost without a goodbye, at most 5m; 0: it ends at once."`
	Quotas              string `name:"quotas" default:"open" enum:"open,aws" help:"open: structural limits only; aws: the counts and calls per second that AWS publishes as its defaults, each node counting calls for itself."`
	Retention           string `name:"retention" default:"60d" help:"How long ended stream and stage sessions, told events and the audit log are kept: days such as 60d, or hours such as 36h."`
	FFmpeg              string `name:"ffmpeg" help:"The program that turns browsers' Opus into AAC, which every player takes, and encoders' AAC into Opus for stages; found on the PATH if empty, off for none."`
	LogLevel            string `name:"log-level" default:"info" enum:"debug,info,warn,error" help:"Least severe level that is logged."`
	LogFormat           string `name:"log-format" default:"text" enum:"text,json" help:"Form of the log."`
}

// Defaults gives the configuration of somebody who sets nothing.
func Defaults() Config {
	var c Config
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if d := v.Type().Field(i).Tag.Get("default"); d != "" {
			v.Field(i).SetString(d)
		}
	}
	return c
}

// BadConfig says which setting is wrong, and why.
type BadConfig struct{ Setting, Why string }

func (b *BadConfig) Error() string { return b.Setting + ": " + b.Why }

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// Check wants every setting to make sense; its error is a *BadConfig.
func (c *Config) Check() error {
	for _, a := range []struct{ name, value string }{
		{"http-addr", c.HTTPAddr},
		{"https-addr", c.HTTPSAddr},
		{"rtmp-addr", c.RTMPAddr},
		{"srt-addr", c.SRTAddr},
		{"webrtc-addr", c.WebRTCAddr},
		{"admin-addr", c.AdminAddr},
		{"turn-addr", c.TURNAddr},
	} {
		if a.name == "turn-addr" && a.value == "off" {
			continue
		}
		_, _, err := net.SplitHostPort(a.value) // the resolver takes an empty address for any port everywhere
		if err == nil {
			_, err = net.ResolveTCPAddr("tcp", a.value)
		}
		if err != nil {
			return &BadConfig{a.name, fmt.Sprintf("%q is not host:port", a.value)}
		}
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if e := f.Tag.Get("enum"); e != "" && !strings.Contains(","+e+",", ","+v.Field(i).String()+",") {
			return &BadConfig{f.Tag.Get("name"), fmt.Sprintf("%q is none of %s", v.Field(i).String(), strings.ReplaceAll(e, ",", ", "))}
		}
	}
	switch {
	case !regionForm.MatchString(c.Region):
		return &BadConfig{"region", fmt.Sprintf("%q is not the name of a region, such as us-east-1", c.Region)}
	case !regexp.MustCompile(`^[0-9]{12}$`).MatchString(c.AccountID):
		return &BadConfig{"account-id", fmt.Sprintf("%q is not 12 digits", c.AccountID)}
	case (c.RootAccessKeyID == "") != (c.RootSecretAccessKey == ""):
		return &BadConfig{"root-access-key-id", "set it together with root-secret-access-key"}
	case c.RootAccessKeyID != "" && !regexp.MustCompile(`^\w{16,128}$`).MatchString(c.RootAccessKeyID):
		return &BadConfig{"root-access-key-id", "must be 16 to 128 letters, digits or underscores"}
	case c.RootSecretAccessKey != "" && len(c.RootSecretAccessKey) < 16:
		return &BadConfig{"root-secret-access-key", "must have at least 16 characters"}
	case c.HookSecret != "" && len(c.HookSecret) < 16:
		return &BadConfig{"hook-secret", "must have at least 16 characters"}
	case c.Ephemeral && c.DatabaseURL != "":
		return &BadConfig{"ephemeral", "the keys of a kept database would go with the directory; leave database-url out"}
	case c.AppTag == "" || len(c.AppTag) > 256:
		return &BadConfig{"app-tag", "must have 1 to 256 characters"}
	}
	if err := wantURL("public-url", c.PublicURL, "http", "https"); err != nil {
		return err
	}
	if u, _ := url.Parse(c.PublicURL); c.PublicURL != "" && (u.Hostname() == "" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "") {
		return &BadConfig{"public-url", "must be a scheme and a host, with a port if need be, and nothing behind"}
	}
	if _, err := c.trustedProxies(); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if _, err := parseRetention(c.Retention); err != nil {
		return err
	}
	if err := c.checkReview(); err != nil {
		return err
	}
	if _, err := parseReconnect(c.ReconnectWindow); err != nil {
		return err
	}
	if _, _, err := c.parseChatLog(); err != nil {
		return err
	}
	if n, err := strconv.Atoi(c.ChatHistory); err != nil || n < 0 || n > 1000 {
		return &BadConfig{"chat-history", "must be a whole number from 0 to 1000"}
	}
	if _, err := c.publicIPs(); err != nil {
		return err
	}
	if err := wantURL("nats-url", c.NATSURL, "nats", "tls"); err != nil {
		return err
	}
	if c.IVSEndpoint != "aws" {
		if err := wantURL("ivs-endpoint", c.IVSEndpoint, "http", "https"); err != nil {
			return err
		}
	}
	if c.DatabaseURL != "" && !strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		return wantURL("database-url", c.DatabaseURL, "postgres", "postgresql")
	}
	return nil
}

// chatHistory is what Check has let pass.
func (c *Config) chatHistory() int {
	n, _ := strconv.Atoi(c.ChatHistory)
	return n
}

// wantURL never repeats the value: it may hold a password. The host may stand in the query, where
// PostgreSQL's own form has the directory of a Unix socket.
func wantURL(setting, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		return &BadConfig{setting, "is not a URL"}
	}
	for _, s := range schemes {
		if u.Scheme == s {
			return nil
		}
	}
	return &BadConfig{setting, "must begin with " + strings.Join(schemes, ":// or ") + "://"}
}

// trustedProxies reads the networks of the setting.
func (c *Config) trustedProxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for text := range strings.SplitSeq(c.TrustedProxies, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, &BadConfig{"trusted-proxies", fmt.Sprintf("%q is neither an address nor a network", text)}
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}

// publicIPs reads the addresses of the setting; a port of zero stands for that of webrtc-addr.
func (c *Config) publicIPs() ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for text := range strings.SplitSeq(c.PublicIP, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			ip, err := netip.ParseAddr(text)
			if err != nil || ip.Zone() != "" {
				return nil, &BadConfig{"public-ip", fmt.Sprintf("%q is neither an IP address nor IP:port", text)}
			}
			at = netip.AddrPortFrom(ip, 0)
		}
		if at.Addr().IsUnspecified() {
			return nil, &BadConfig{"public-ip", fmt.Sprintf("%q names no machine", text)}
		}
		out = append(out, at)
	}
	return out, nil
}

func (c *Config) databaseURL() string {
	if c.DatabaseURL == "" {
		return "sqlite:" + filepath.Join(c.DataDir, "streamcat.db")
	}
	return c.DatabaseURL
}

// prepareDataDir makes the directory and, for an ephemeral engine, names a fresh one.
func (c *Config) prepareDataDir() error {
	if c.Ephemeral {
		dir, err := os.MkdirTemp("", "streamcat-")
		if err != nil {
			return err
		}
		c.DataDir = dir
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return err
	}
	c.DataDir = dir
	return os.MkdirAll(dir, 0o700)
}
