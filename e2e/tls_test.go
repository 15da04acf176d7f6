package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/coder/websocket"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// http2Client trusts an authority, and speaks HTTP/2 where the server does.
func http2Client(t *testing.T, ca *tlstest.CA) *http.Client {
	tr := &http.Transport{TLSClientConfig: ca.Client(), ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func fetch2(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Fatalf("%s: %s %s %v: %.300s", url, resp.Proto, resp.Status, err, body)
	}
	return string(body)
}

// TestOneTLSPortServesEverybody has encoders that are not ours publish by RTMPS, and players watch by HTTP/2 and
// HTTP/1.1 on the same port. ffmpeg checks the certificate; GStreamer knows only the system's authorities and is told
// not to.
func TestOneTLSPortServesEverybody(t *testing.T) {
	t.Parallel()
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca), func(c *engine.Config) { c.InsecureIngest = "enforce" })
	api := ivs.NewFromConfig(e.AWS())
	client := http2Client(t, ca)
	for name, publish := range map[string]func(*testing.T, string) *encoder{
		"ffmpeg": func(t *testing.T, u string) *encoder {
			return ffmpeg(t, u, picture{extra: []string{"-tls_verify", "1", "-ca_file", ca.File}})
		},
		"GStreamer": func(t *testing.T, u string) *encoder {
			return gstreamer(t, u+" tls-validation-flags=0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := makeChannel(t, e.AWS(), e.RTMPS)
			got, err := api.GetChannel(t.Context(), &ivs.GetChannelInput{Arn: &c.ARN})
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimPrefix(e.HTTPS, "https://"); aws.ToString(got.Channel.IngestEndpoint) != want || !strings.HasPrefix(c.PlaybackURL, e.HTTPS+"/") {
				t.Errorf("ingest at %s, playback at %s", *got.Channel.IngestEndpoint, c.PlaybackURL)
			}
			// In clear, this channel takes nobody.
			if clear := ffmpeg(t, e.RTMP+c.Key, picture{}); !clear.ended(20 * time.Second) {
				t.Error("an encoder publishes in clear")
			}
			enc := publish(t, c.PublishURL)
			eventually(t, 30*time.Second, "live", func() bool {
				select {
				case <-enc.done:
					t.Fatalf("the encoder ended: %v", enc.err)
				default:
				}
				return isLive(t, e.AWS(), c)
			})
			if log := e.Log(); !strings.Contains(log, "protocol=RTMPS") || strings.Contains(log, c.Key) {
				t.Error("the log does not say RTMPS, or holds the key")
			}

			multi := fetch2(t, client, c.PlaybackURL)
			base, media := c.PlaybackURL[:strings.LastIndexByte(c.PlaybackURL, '/')+1], ""
			for line := range strings.Lines(multi) {
				if !strings.HasPrefix(line, "#") {
					media = base + strings.TrimSpace(line)
				}
			}
			check, u := hlscheck.New(), media
			for range 20 {
				body := fetch2(t, client, u)
				if wrong := check.Playlist(body); len(wrong) > 0 {
					t.Fatalf("%s\n%s", strings.Join(wrong, "\n"), body)
				}
				msn, part := check.Last().End()
				u = fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", media, msn, part)
			}
			for _, c := range [][]string{{"--http2", "2"}, {"--http1.1", "1.1"}, {"--no-alpn", "1.1"}} {
				out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--max-time", "20", "--cacert", ca.File, c[0], "-o", "/dev/null", "-w", "%{http_code} %{http_version}", media).CombinedOutput()
				if err != nil || string(out) != "200 "+c[1] {
					t.Errorf("curl %s: %s %v", c[0], out, err)
				}
			}
		})
	}
	if status := strings.TrimSpace(fetch2(t, client, e.HTTPS+"/readyz")); status != "ready" {
		t.Error(status)
	}
}

// TestSocketsAndRealTimeOverTLS chats by WSS and publishes by WHIP on the TLS port.
func TestSocketsAndRealTimeOverTLS(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca))
	ctx := t.Context()
	chat := ivschat.NewFromConfig(e.AWS())
	room, err := chat.CreateRoom(ctx, &ivschat.CreateRoomInput{})
	if err != nil {
		t.Fatal(err)
	}
	seat, err := chat.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{RoomIdentifier: room.Arn, UserId: aws.String("ada"), Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage}})
	if err != nil {
		t.Fatal(err)
	}
	for name, protocols := range map[string][]string{"ALPN": {"http/1.1"}, "none": nil} {
		conf := ca.Client()
		conf.NextProtos = protocols
		tr := &http.Transport{TLSClientConfig: conf, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
		t.Cleanup(tr.CloseIdleConnections)
		ws, _, err := websocket.Dial(ctx, "wss"+strings.TrimPrefix(e.HTTPS, "https")+"/chat", &websocket.DialOptions{
			HTTPClient: &http.Client{Transport: tr}, Subprotocols: []string{*seat.Token},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.Write(ctx, websocket.MessageText, []byte(`{"Action":"SEND_MESSAGE","RequestId":"1","Content":"`+name+`"}`)); err != nil {
			t.Fatal(err)
		}
		if _, text, err := ws.Read(ctx); err != nil || !strings.Contains(string(text), `"Content":"`+name+`"`) {
			t.Errorf("%s %v", text, err)
		}
		ws.CloseNow()
		seat, err = chat.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{RoomIdentifier: room.Arn, UserId: aws.String("ada"), Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage}})
		if err != nil {
			t.Fatal(err)
		}
	}

	stage, err := ivsrealtime.NewFromConfig(e.AWS()).CreateStage(ctx, &ivsrealtime.CreateStageInput{})
	if err != nil {
		t.Fatal(err)
	}
	if p := stage.Stage.Endpoints; *p.Whip != e.HTTPS+"/whip" || *p.Events != "wss"+strings.TrimPrefix(e.HTTPS, "https")+"/stage-events" {
		t.Errorf("endpoints %s %s", *p.Whip, *p.Events)
	}
	c := makeChannel(t, e.AWS(), e.RTMPS)
	sender := rtctest.Publish(t, e.HTTPS+"/whip", c.Key, rtctest.Options{HTTP: http2Client(t, ca)})
	if !strings.HasPrefix(sender.Location, e.HTTPS+"/whip/") {
		t.Errorf("the session is at %s", sender.Location)
	}
	sender.Leave(t)
	if strings.Contains(e.Log(), c.Key) {
		t.Error("the log holds the key")
	}
}

// TestABrowserWatchesOverTLS has Chromium, which is told to overlook who signed the certificate, register, play by
// HTTP/2 and chat by WSS.
func TestABrowserWatchesOverTLS(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t, enginetest.TLS(t, tlstest.New(t)))
	s := startScript(t, "browser/story.mjs", e.HTTPS)
	line := s.hear("registered")
	if server := line["server"]; server != e.RTMPS {
		t.Errorf("the dashboard says %v, want %s", server, e.RTMPS)
	}
	ffmpeg(t, publishAddress(line), picture{})
	if by := s.hear("watching")["protocols"]; fmt.Sprint(by) != "[h2]" {
		t.Errorf("playlists came by %v, want HTTP/2", by)
	}
	s.hear("done")
}
