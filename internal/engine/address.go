package engine

import (
	"cmp"
	"net"
	"net/url"
	"strings"

	"github.com/streamcat/streamcat/internal/channel"
)

// publicURL gives the configured URL, or the other one.
func publicURL(configured, otherwise string) string {
	if configured != "" {
		u, err := url.Parse(configured) // in its usual form: a lower-case scheme, for one
		if err == nil {
			return strings.TrimRight(u.String(), "/")
		}
	}
	return otherwise
}

// publicHost joins the public URL's host with the port of another listener.
func publicHost(public, bound string) string {
	_, port, _ := net.SplitHostPort(bound)
	u, err := url.Parse(public)
	if err != nil {
		return reachable(bound)
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// onlyHere says whether a URL is good on this machine alone.
func onlyHere(public string) bool {
	u, err := url.Parse(public)
	return err == nil && loopback(net.JoinHostPort(u.Hostname(), "0"))
}

func loopback(bound string) bool {
	host, _, _ := net.SplitHostPort(bound)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// reachable replaces "all interfaces" by loopback.
func reachable(bound string) string {
	host, port, _ := net.SplitHostPort(bound)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// tlsHost is the host and port at which people reach the TLS port; empty without it. HTTPS shares it with what is no
// HTTP, so where people reach the one by https://, they reach the other.
func (a Addresses) tlsHost() string {
	if a.HTTPS == "" {
		return ""
	}
	if u, err := url.Parse(a.URL); err == nil && u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	}
	return publicHost(a.URL, a.HTTPS)
}

// rtmps is where encoders stream to by TLS; empty without it.
func (a Addresses) rtmps() string {
	if host := a.tlsHost(); host != "" {
		return "rtmps://" + host + "/app/"
	}
	return ""
}

// ingestServer is what people are told to stream to.
func (a Addresses) ingestServer() string {
	return cmp.Or(a.rtmps(), "rtmp://"+publicHost(a.URL, a.RTMP)+"/app/")
}

// encoderEndpoints are where GetClientConfiguration sends encoders: by TLS if there is any, else in clear.
func (a Addresses) encoderEndpoints() []channel.IngestEndpoint {
	if secure := a.rtmps(); secure != "" {
		return []channel.IngestEndpoint{{Protocol: "RTMPS", Template: secure + "{stream_key}"}}
	}
	return []channel.IngestEndpoint{{Protocol: "RTMP", Template: a.ingestServer() + "{stream_key}"}}
}

// ingestHost is a channel's ingest endpoint: a bare host where that is RTMPS on its usual port, as at AWS, which
// clients make rtmps://…:443/app/ of; else host:port.
func (a Addresses) ingestHost() string {
	u, err := url.Parse(a.ingestServer())
	if err != nil {
		return ""
	}
	if u.Scheme == "rtmps" && u.Port() == "443" {
		return u.Hostname()
	}
	return u.Host
}

// ingestServer is what the dashboard tells people to stream to; empty lets it follow the channel's own
// ingest endpoint, which on another IVS is the truth.
func (e *Engine) ingestServer() string {
	if e.cfg.IVSEndpoint != "" {
		return ""
	}
	return e.addr.Ingest
}

// whipEndpoint is where browsers publish to a channel; empty where the IVS has no such door, as Amazon's.
func (e *Engine) whipEndpoint() string {
	switch e.cfg.IVSEndpoint {
	case "":
		return e.addr.URL + "/whip"
	case "aws":
		return ""
	}
	return strings.TrimRight(e.cfg.IVSEndpoint, "/") + "/whip"
}

// mediaOrigins are the other servers that the web app's pages exchange media with.
func (e *Engine) mediaOrigins() []string {
	switch e.cfg.IVSEndpoint {
	case "":
		return nil
	case "aws":
		return []string{"https://*.live-video.net"}
	}
	u, err := url.Parse(e.cfg.IVSEndpoint)
	if err != nil {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}

// chatEndpoint is where browsers open chat sockets.
func (e *Engine) chatEndpoint(sockets string) string {
	switch e.cfg.IVSEndpoint {
	case "":
		return sockets + "/chat"
	case "aws":
		return "wss://edge.ivschat." + e.cfg.Region + ".amazonaws.com"
	}
	return "ws" + strings.TrimPrefix(strings.TrimRight(e.cfg.IVSEndpoint, "/"), "http") + "/chat"
}
