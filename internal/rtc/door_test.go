package rtc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// chromium is what Debian's Chromium 156 offers for one camera, shortened where lines only repeat.
const chromium = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 1a2b
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:3988029117 1 udp 2113937151 192.0.2.7 54609 typ host generation 0 network-cost 999
a=candidate:842163049 1 tcp 1518280447 b5a2.local 9 typ host tcptype active generation 0 network-cost 999
a=ice-ufrag:cVCM
a=ice-pwd:e0vtWbZbNRxVkHJvgRqRbAjk
a=ice-options:trickle
a=fingerprint:sha-256 5C:6E:8F:4E:2F:2A:2C:7B:90:8D:54:BB:5C:9C:1A:6B:9F:7B:1E:0A:BB:AD:52:C1:FF:00:4D:7F:66:12:9A:01
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=DIRECTION
a=msid:1a2b aaaa
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1399694169 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 108 109 39 40
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:cVCM
a=ice-pwd:e0vtWbZbNRxVkHJvgRqRbAjk
a=ice-options:trickle
a=fingerprint:sha-256 5C:6E:8F:4E:2F:2A:2C:7B:90:8D:54:BB:5C:9C:1A:6B:9F:7B:1E:0A:BB:AD:52:C1:FF:00:4D:7F:66:12:9A:01
a=setup:actpass
a=mid:1
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=DIRECTION
a=msid:1a2b bbbb
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=rtcp-fb:103 nack
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:108 H264/90000
a=rtcp-fb:108 goog-remb
a=rtcp-fb:108 transport-cc
a=rtcp-fb:108 ccm fir
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
a=rtpmap:39 H264/90000
a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:40 rtx/90000
a=fmtp:40 apt=39
a=ssrc-group:FID 3312 3313
a=ssrc:3312 cname:x
a=ssrc:3313 cname:x
`

func offerText(direction string) string {
	return strings.ReplaceAll(strings.ReplaceAll(chromium, "DIRECTION", direction), "\n", "\r\n")
}

const goodFragment = "a=ice-ufrag:cVCM\r\na=ice-pwd:e0vtWbZbNRxVkHJvgRqRbAjk\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
	"a=candidate:1 1 udp 2113937151 192.0.2.7 54609 typ host\r\n"

// TestDoor walks the table of WHIP's and WHEP's server duties, for both.
func TestDoor(t *testing.T) {
	w := newWorld(t, nil)
	for _, door := range []struct{ name, path, token, direction string }{
		{"WHIP", "/whip", "publisher", "sendonly"},
		{"WHIP at the origin", "/", "publisher", "sendrecv"},
		{"WHEP", "/whip/subscribe/p1", "viewer", "recvonly"},
		{"WHEP with sendrecv", "/whip/subscribe/p1", "viewer", "sendrecv"},
	} {
		t.Run(door.name, func(t *testing.T) {
			good := offerText(door.direction)
			const sdp, frag = "application/sdp", "application/trickle-ice-sdpfrag"
			type headers = map[string]string
			cases := []struct {
				name    string
				method  string
				path    string // empty: the endpoint; SESSION: the running session
				headers headers
				body    string
				status  int
				code    string
				check   func(t *testing.T, r *answerOf)
			}{
				{name: "offer", method: "POST", headers: headers{"Content-Type": sdp}, body: good, status: 201, check: func(t *testing.T, r *answerOf) {
					checkCreated(t, w, r, door.direction)
				}},
				{name: "offer with a charset", method: "POST", headers: headers{"Content-Type": "application/sdp; charset=utf-8"}, body: good, status: 201},
				{name: "bearer in another case", method: "POST", headers: headers{"Content-Type": sdp, "Authorization": "bearer " + door.token}, body: good, status: 201},
				{name: "other content type", method: "POST", headers: headers{"Content-Type": "text/plain"}, body: good, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
				{name: "no content type", method: "POST", body: good, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
				{name: "malformed SDP", method: "POST", headers: headers{"Content-Type": sdp}, body: "hello", status: 400, code: "SDP_MALFORMED"},
				{name: "empty body", method: "POST", headers: headers{"Content-Type": sdp}, status: 400, code: "SDP_MALFORMED"},
				{name: "ten thousand candidates", method: "POST", headers: headers{"Content-Type": sdp}, body: good + strings.Repeat("a=candidate:1 1 udp 1 1 1 typ host\r\n", 10000), status: 413, code: "BODY_TOO_LARGE"},
				{name: "a thousand candidates", method: "POST", headers: headers{"Content-Type": sdp}, body: good + strings.Repeat("a=candidate:1 1 udp 1 1 1 typ host\r\n", 1000), status: 400, code: "SDP_MALFORMED"},
				{name: "two video tracks", method: "POST", headers: headers{"Content-Type": sdp}, body: good + strings.Replace(good[strings.Index(good, "m=video"):], "a=mid:1", "a=mid:2", 1), status: 422, code: "OFFER_UNSUPPORTED"},
				{name: "no H.264", method: "POST", headers: headers{"Content-Type": sdp}, body: strings.ReplaceAll(good, "H264", "VP9"), status: 422, code: "CODEC_MISMATCH"},
				{name: "no Opus", method: "POST", headers: headers{"Content-Type": sdp}, body: strings.ReplaceAll(good, "opus", "isac"), status: 422, code: "CODEC_MISMATCH"},
				{name: "data channel", method: "POST", headers: headers{"Content-Type": sdp}, body: good + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n", status: 422, code: "OFFER_UNSUPPORTED"},
				{name: "wrong direction", method: "POST", headers: headers{"Content-Type": sdp}, body: offerText("inactive"), status: 422, code: "OFFER_UNSUPPORTED"},
				{name: "no token", method: "POST", headers: headers{"Content-Type": sdp, "Authorization": ""}, body: good, status: 401, code: "TOKEN_MALFORMED", check: challenged},
				{name: "unknown token", method: "POST", headers: headers{"Content-Type": sdp, "Authorization": "Bearer nobody"}, body: good, status: 401, check: challenged},
				{name: "token of 64 KB", method: "POST", headers: headers{"Content-Type": sdp, "Authorization": "Bearer " + strings.Repeat("x", 64<<10)}, body: good, status: 401, code: "TOKEN_MALFORMED", check: challenged},
				{name: "another scheme", method: "POST", headers: headers{"Content-Type": sdp, "Authorization": "Basic eDp5"}, body: good, status: 401, code: "TOKEN_MALFORMED", check: challenged},

				{name: "GET endpoint", method: "GET", headers: headers{"Authorization": ""}, status: 204, check: noBody},
				{name: "HEAD endpoint", method: "HEAD", headers: headers{"Authorization": ""}, status: 200, check: func(t *testing.T, r *answerOf) {
					noBody(t, r)
					r.want(t, "Content-Type", sdp)
				}},
				{name: "OPTIONS endpoint", method: "OPTIONS", headers: headers{"Authorization": "", "Origin": "https://x.example", "Access-Control-Request-Method": "POST"}, status: 200, check: preflighted},
				{name: "PUT endpoint", method: "PUT", headers: headers{"Content-Type": sdp}, body: good, status: 405, code: "METHOD_NOT_ALLOWED", check: func(t *testing.T, r *answerOf) {
					if r.header.Get("Allow") == "" {
						t.Error("405 without Allow")
					}
				}},
				{name: "PATCH endpoint", method: "PATCH", headers: headers{"Content-Type": frag}, body: goodFragment, status: 405, code: "METHOD_NOT_ALLOWED"},
				{name: "DELETE endpoint", method: "DELETE", status: 405, code: "METHOD_NOT_ALLOWED"},
				{name: "unknown method", method: "BREW", status: 405, code: "METHOD_NOT_ALLOWED"},
				{name: "unknown path", method: "POST", path: "/whip/nonsense", headers: headers{"Content-Type": sdp}, body: good, status: 404, code: "NOT_FOUND"},

				{name: "GET session", method: "GET", path: "SESSION", status: 204, check: noBody},
				{name: "HEAD session", method: "HEAD", path: "SESSION", status: 204, check: noBody},
				{name: "OPTIONS session", method: "OPTIONS", path: "SESSION", headers: headers{"Authorization": "", "Origin": "https://x.example"}, status: 200, check: preflighted},
				{name: "trickle", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: goodFragment, status: 204, check: func(t *testing.T, r *answerOf) {
					noBody(t, r)
					if r.header.Get("ETag") != "" {
						t.Error("a trickle's 204 has an ETag")
					}
				}},
				{name: "trickle among several tags", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": `"other", ETAG`}, body: goodFragment, status: 204},
				{name: "trickle without a token", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG", "Authorization": ""}, body: goodFragment, status: 204},
				{name: "trickle without If-Match, current ufrag", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag}, body: goodFragment, status: 204},
				{name: "end of candidates, without a group", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: "a=ice-ufrag:cVCM\r\na=ice-pwd:e0vtWbZbNRxVkHJvgRqRbAjk\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n", status: 204},
				{name: "trickle of unusable candidates", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: goodFragment + "a=candidate:1 1 udp 1 nowhere.invalid 1 typ relay raddr 0.0.0.0 rport 0\r\n", status: 204},
				{name: "restart without If-Match", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag}, body: strings.Replace(goodFragment, "cVCM", "next", 1), status: 428, code: "ETAG_REQUIRED"},
				{name: "fragment of nobody without If-Match", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag}, body: "a=end-of-candidates\r\n", status: 428, code: "ETAG_REQUIRED"},
				{name: "other If-Match", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": `"other"`}, body: goodFragment, status: 412, code: "ETAG_MISMATCH"},
				{name: "weak If-Match", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "W/ETAG"}, body: goodFragment, status: 412, code: "ETAG_MISMATCH"},
				{name: "PATCH, other content type", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": sdp, "If-Match": "ETAG"}, body: goodFragment, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
				{name: "broken fragment", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: "nonsense", status: 400, code: "SDP_MALFORMED"},
				{name: "broken candidate", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: goodFragment + "a=candidate:x\r\n", status: 400, code: "SDP_MALFORMED"},
				{name: "ufrag without pwd", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG"}, body: "a=ice-ufrag:abcd\r\n", status: 400, code: "SDP_MALFORMED"},
				{name: "restart", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "*"}, body: strings.Replace(goodFragment, "cVCM", "next", 1), status: 200, check: func(t *testing.T, r *answerOf) {
					r.want(t, "Content-Type", frag)
					if tag := r.header.Get("ETag"); tag == "" || tag == r.etag {
						t.Errorf("a restart needs a new ETag, got %q", tag)
					}
					for _, line := range []string{"a=ice-ufrag:", "a=ice-pwd:", "a=candidate:1 1 udp", "tcptype passive", "a=end-of-candidates", "a=mid:0"} {
						if !strings.Contains(r.body, line) {
							t.Errorf("the fragment has no %s:\n%s", line, r.body)
						}
					}
				}},
				{name: "PATCH with another's token", method: "PATCH", path: "SESSION", headers: headers{"Content-Type": frag, "If-Match": "ETAG", "Authorization": "Bearer other"}, body: goodFragment, status: 403, code: "TOKEN_NOT_ALLOWED"},
				{name: "PATCH unknown session", method: "PATCH", path: "/whip/sessions/unknown", headers: headers{"Content-Type": frag, "If-Match": "*"}, body: goodFragment, status: 404, code: "SESSION_NOT_FOUND"},
				{name: "POST session", method: "POST", path: "SESSION", headers: headers{"Content-Type": sdp}, body: good, status: 405, code: "METHOD_NOT_ALLOWED"},
				{name: "DELETE with another's token", method: "DELETE", path: "SESSION", headers: headers{"Authorization": "Bearer other"}, status: 403, code: "TOKEN_NOT_ALLOWED"},
				{name: "DELETE, whatever If-Match", method: "DELETE", path: "SESSION", headers: headers{"If-Match": `"other"`}, status: 200, check: func(t *testing.T, r *answerOf) {
					if again := r.again(t, "DELETE", r.path, headers{}, ""); again.status != 404 {
						t.Errorf("DELETE again: got %d, want 404", again.status)
					}
				}},
				{name: "DELETE without a token", method: "DELETE", path: "SESSION", headers: headers{"Authorization": ""}, status: 200},
				{name: "DELETE unknown session", method: "DELETE", path: "/whip/sessions/unknown", status: 404, code: "SESSION_NOT_FOUND"},
			}
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					d := &doorClient{w: w, token: door.token}
					path, etag := c.path, ""
					switch path {
					case "":
						path = door.path
					case "SESSION":
						made := d.do(t, "POST", door.path, headers{"Content-Type": sdp}, good)
						if made.status != 201 {
							t.Fatalf("no session: %d %s", made.status, made.body)
						}
						path, etag = strings.TrimPrefix(made.header.Get("Location"), w.http.URL), made.header.Get("ETag")
					}
					h := headers{}
					for k, v := range c.headers {
						h[k] = strings.ReplaceAll(v, "ETAG", etag)
					}
					r := d.do(t, c.method, path, h, c.body)
					r.etag = etag
					if r.status != c.status {
						t.Fatalf("status: got %d, want %d: %s", r.status, c.status, r.body)
					}
					r.want(t, "Access-Control-Allow-Origin", "*")
					for _, name := range []string{"Location", "ETag", "Link", "Accept-Post"} {
						if !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), name) {
							t.Errorf("%s is not exposed to browsers", name)
						}
					}
					if c.status >= 400 {
						checkProblem(t, r, c.status, c.code)
					}
					if c.check != nil {
						c.check(t, r)
					}
				})
			}
		})
	}
}

// doorClient makes raw requests.
type doorClient struct {
	w     *world
	token string
}

type answerOf struct {
	d      *doorClient
	path   string
	etag   string // of the session
	status int
	header http.Header
	body   string
}

func (d *doorClient) do(t *testing.T, method, path string, headers map[string]string, body string) *answerOf {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.w.http.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	for k, v := range headers {
		if r.Header.Set(k, v); v == "" {
			r.Header.Del(k)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answerOf{d: d, path: path, status: res.StatusCode, header: res.Header, body: string(b)}
}

func (r *answerOf) again(t *testing.T, method, path string, headers map[string]string, body string) *answerOf {
	t.Helper()
	return r.d.do(t, method, path, headers, body)
}

func (r *answerOf) want(t *testing.T, header, value string) {
	t.Helper()
	if got := r.header.Get(header); got != value {
		t.Errorf("%s: got %q, want %q", header, got, value)
	}
}

func noBody(t *testing.T, r *answerOf) {
	t.Helper()
	if r.body != "" {
		t.Errorf("there is a body: %q", r.body)
	}
}

func challenged(t *testing.T, r *answerOf) {
	t.Helper()
	if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate: got %q", r.header.Get("WWW-Authenticate"))
	}
}

func preflighted(t *testing.T, r *answerOf) {
	t.Helper()
	noBody(t, r)
	for _, m := range []string{"POST", "PATCH", "DELETE", "OPTIONS", "GET", "HEAD"} {
		if !strings.Contains(r.header.Get("Access-Control-Allow-Methods"), m) {
			t.Errorf("%s is not allowed", m)
		}
	}
	for _, h := range []string{"Authorization", "Content-Type", "If-Match"} {
		if !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), h) {
			t.Errorf("the header %s is not allowed", h)
		}
	}
	if !strings.HasPrefix(r.path, "/whip/sessions/") {
		r.want(t, "Accept-Post", "application/sdp")
	}
}

func checkCreated(t *testing.T, w *world, r *answerOf, direction string) {
	t.Helper()
	r.want(t, "Content-Type", "application/sdp")
	if !strings.HasPrefix(r.header.Get("Location"), w.http.URL+"/whip/sessions/") {
		t.Errorf("Location is not absolute: %q", r.header.Get("Location"))
	}
	if tag := r.header.Get("ETag"); len(tag) < 4 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		t.Errorf("ETag is not a strong tag: %q", tag)
	}
	want := map[string]string{"sendonly": "a=recvonly", "recvonly": "a=sendonly"}[direction]
	if direction == "sendrecv" { // what a door is for
		want = "a=recvonly"
		if strings.Contains(r.path, "subscribe") {
			want = "a=sendonly"
		}
	}
	sections := strings.Split(r.body, "m=")[1:]
	if len(sections) != 2 {
		t.Fatalf("got %d sections:\n%s", len(sections), r.body)
	}
	for i, s := range sections {
		for _, line := range []string{
			want, "a=rtcp-mux", "a=setup:passive", "a=fingerprint:sha-256 ", fmt.Sprintf("a=mid:%d", i),
			"a=candidate:1 1 udp ", "a=candidate:2 1 tcp ", "typ host tcptype passive", "a=end-of-candidates",
		} {
			if !strings.Contains(s, line) {
				t.Errorf("section %d has no %q", i, line)
			}
		}
	}
	for _, line := range []string{"a=ice-lite", "a=group:BUNDLE 0 1", "a=rtpmap:108 H264/90000", "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "a=rtpmap:111 opus/48000/2"} {
		if !strings.Contains(r.body, line+"\r\n") {
			t.Errorf("the answer has no %q", line)
		}
	}
	for _, no := range []string{"VP8", "red/", "PCMU"} {
		if strings.Contains(r.body, no) {
			t.Errorf("the answer takes up %s", no)
		}
	}
}

func checkProblem(t *testing.T, r *answerOf, status int, code string) {
	t.Helper()
	r.want(t, "Content-Type", "application/problem+json")
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	if p.Status != status || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" || code != "" && p.Code != code {
		t.Errorf("problem: got %+v, want code %q", p, code)
	}
}

func TestRefusalsOfGates(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{Refuse(401, "TOKEN_EXPIRED", fault.AccessDenied("expired")), 401, "TOKEN_EXPIRED", ""},
		{Refuse(403, "PARTICIPANT_DISCONNECTED", fault.AccessDenied("gone")), 403, "PARTICIPANT_DISCONNECTED", ""},
		{Refuse(404, "STAGE_DELETED", fault.Missing("stage")), 404, "STAGE_DELETED", ""},
		{&Refusal{Status: 409, Code: "NOT_PUBLISHING", RetryAfter: time.Second, Fault: fault.InConflict("not yet")}, 409, "NOT_PUBLISHING", "1"},
		{&Refusal{Status: 503, Code: "STAGE_AT_CAPACITY", RetryAfter: 30 * time.Second, Fault: fault.OverQuota(12, "full")}, 503, "STAGE_AT_CAPACITY", "30"},
		{fault.Down("draining"), 503, "UNAVAILABLE", "5"},
		{errors.New("the password of the database"), 500, "INTERNAL", ""},
	} {
		t.Run(c.code, func(t *testing.T) {
			w.change(func() { w.refuse = c.err })
			for path, direction := range map[string]string{"/whip": "sendonly", "/whip/subscribe/p1": "recvonly"} {
				r := (&doorClient{w, "publisher"}).do(t, "POST", path, map[string]string{"Content-Type": "application/sdp"}, offerText(direction))
				if r.status != c.status || r.header.Get("Retry-After") != c.retry {
					t.Errorf("%s: got %d, Retry-After %q", path, r.status, r.header.Get("Retry-After"))
				}
				checkProblem(t, r, c.status, c.code)
				if strings.Contains(r.body, "password") {
					t.Errorf("the cause is shown: %s", r.body)
				}
			}
		})
	}
	if n := w.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	w.Server.mu.Lock()
	defer w.Server.mu.Unlock()
	if w.taken != 0 || len(w.perIP) != 0 {
		t.Errorf("refused clients still hold %d places", w.taken)
	}
}

func TestNoRoom(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxPerIP = 2 })
	d := &doorClient{w, "publisher"}
	post := func() *answerOf {
		return d.do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly"))
	}
	first := post()
	if second := post(); first.status != 201 || second.status != 201 {
		t.Fatalf("got %d, %d", first.status, second.status)
	}
	third := post()
	checkProblem(t, third, 503, "SERVER_BUSY")
	third.want(t, "Retry-After", "5")
	if r := d.do(t, "DELETE", strings.TrimPrefix(first.header.Get("Location"), w.http.URL), nil, ""); r.status != 200 {
		t.Fatalf("DELETE: %d", r.status)
	}
	if r := post(); r.status != 201 {
		t.Errorf("a place was given back, but got %d", r.status)
	}
}

func TestClientThatNeverConnectsIsEnded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.ConnectTimeout = 200 * time.Millisecond })
	d := &doorClient{w, "publisher"}
	if r := d.do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly")); r.status != 201 {
		t.Fatalf("got %d", r.status)
	}
	w.until(t, "the end", func() bool { return len(w.up.ended) > 0 })
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.up.ended) != 1 || !errors.Is(w.up.ended[0], ErrNoConnection) || w.up.connected || w.up.peer == nil {
		t.Errorf("ended %v, connected %v", w.up.ended, w.up.connected)
	}
}

func TestPeerIsClosedForAReason(t *testing.T) {
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{})
	why := errors.New("displaced by a newer one")
	w.mu.Lock()
	peer := w.up.peer
	w.mu.Unlock()
	peer.Close(why)
	peer.Close(io.EOF) // too late
	w.until(t, "the end", func() bool { return len(w.up.ended) > 0 })
	if w.up.ended[0] != why {
		t.Errorf("got %v", w.up.ended[0])
	}
	// The client is told by DTLS, long before it would miss anything.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Wait(ctx, 6 /* closed */); err != nil {
		t.Log(err)
	}
}

// Shutdown waits for those whose gate has not answered yet, too.
func TestShutdownWaitsForGates(t *testing.T) {
	g := &slowGate{asked: make(chan struct{}), answer: make(chan struct{})}
	w := newWorld(t, func(o *Options) { g.w, o.Publishers = o.Publishers[1], []Publishers{g} })
	var joined sync.WaitGroup
	joined.Go(func() {
		(&doorClient{w, "publisher"}).do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly"))
	})
	<-g.asked
	go func() {
		for { // until Shutdown has begun
			w.Server.mu.Lock()
			closing := w.closing
			w.Server.mu.Unlock()
			if closing {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
		close(g.answer)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	if w.up == nil || len(w.up.ended) != 1 || w.up.ended[0] != ErrShutdown {
		t.Errorf("the publication was not over when Shutdown returned: %+v", w.up)
	}
	w.mu.Unlock()
	joined.Wait()
}

type slowGate struct {
	w             Publishers
	asked, answer chan struct{}
}

func (g *slowGate) Publish(ctx context.Context, r Request) (Publication, error) {
	close(g.asked)
	<-g.answer
	return g.w.Publish(ctx, r)
}

// A body that never comes must not be waited for once more when the request has been refused.
func TestUnreadBodyHoldsNobody(t *testing.T) {
	wait := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/whip", iotest.ErrReader(os.ErrDeadlineExceeded))
	r.Header.Set("Content-Type", typeSDP)
	if _, err := body(wait, r, typeSDP); err != errUnread {
		t.Fatalf("got %v", err)
	}
	if len(wait.read) == 0 || wait.read[len(wait.read)-1].IsZero() {
		t.Errorf("net/http reads the rest without a deadline: %v", wait.read)
	}
}

type deadlines struct {
	*httptest.ResponseRecorder
	read []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

func TestShutdownEndsAll(t *testing.T) {
	before := goleak.IgnoreCurrent()
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{})
	s := w.subscribe(t, rtctest.Options{TCP: true})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	if len(w.up.ended) != 1 || w.up.ended[0] != ErrShutdown || len(w.downs[0].ended) != 1 {
		t.Errorf("ended: %v, %v", w.up.ended, w.downs[0].ended)
	}
	w.mu.Unlock()
	r := (&doorClient{w, "publisher"}).do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly"))
	checkProblem(t, r, 503, "SERVER_DRAINING")
	p.Close()
	s.Close()
	w.http.Close()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
