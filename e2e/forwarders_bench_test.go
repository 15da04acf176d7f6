//go:build bench

package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/sfu/sfubench"
)

// forwarder is a server that forwards, in a process of its own, with the doors of persons told apart by number.
type forwarder struct {
	name    string
	pid     int
	profile string // URL of CPU profiles, if it has one
	publish func(person int) sfubench.Door
	watch   func(person, whom int) sfubench.Door
	// watchAll is a door by which all whom a person watches come over one connection; nil if there is none.
	watchAll func(person int, whom []int) sfubench.Door
	stop     func()
}

// peerForwarders start the peers, or say why they cannot.
var peerForwarders = []struct {
	name  string
	start func(t *testing.T) (f forwarder, why string)
}{
	{"MediaMTX", mediaMTXForwarder}, {"Broadcast Box", broadcastBox}, {"LiveKit", liveKit},
}

// ourForwarder is one stage, where a person publishes and watches with the same token.
func ourForwarder(t *testing.T, persons int) forwarder {
	t.Helper()
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	rt := ivsrealtime.NewFromConfig(p.aws())
	made, err := rt.CreateStage(t.Context(), &ivsrealtime.CreateStageInput{Name: aws.String("forwarding")})
	if err != nil {
		t.Fatal(err)
	}
	tokens, ids := make([]string, persons), make([]string, persons)
	for i := range persons {
		out, err := rt.CreateParticipantToken(t.Context(), &ivsrealtime.CreateParticipantTokenInput{
			StageArn:     made.Stage.Arn,
			Capabilities: []types.ParticipantTokenCapability{types.ParticipantTokenCapabilityPublish, types.ParticipantTokenCapabilitySubscribe},
		})
		if err != nil {
			t.Fatal(err)
		}
		tokens[i], ids[i] = aws.ToString(out.ParticipantToken.Token), aws.ToString(out.ParticipantToken.ParticipantId)
	}
	stage, err := rt.GetStage(t.Context(), &ivsrealtime.GetStageInput{Arn: made.Stage.Arn})
	if err != nil {
		t.Fatal(err)
	}
	return forwarder{
		name: "StreamCat", pid: p.cmd.Process.Pid, profile: "http://" + p.Admin + "/debug/pprof/profile", stop: func() { p.terminate() },
		publish: func(person int) sfubench.Door {
			return sfubench.Door{URL: p.URL + "/whip", Token: tokens[person]}
		},
		watch: func(person, whom int) sfubench.Door {
			return sfubench.Door{URL: p.URL + "/whip/subscribe/" + ids[whom], Token: tokens[person]}
		},
		watchAll: func(person int, whom []int) sfubench.Door {
			var wanted []string
			for _, w := range whom {
				wanted = append(wanted, ids[w])
			}
			wantPictures(t, aws.ToString(stage.Stage.Endpoints.Events)+"/"+arn.ID(aws.ToString(made.Stage.Arn)), tokens[person], wanted)
			return sfubench.Door{URL: p.URL + "/whip/subscribe", Token: tokens[person], Pictures: len(whom)}
		},
	}
}

// wantPictures says on an events socket whose pictures a participant wants, and hears the server out until the test ends.
func wantPictures(t *testing.T, events, token string, ids []string) {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), events, &websocket.DialOptions{Subprotocols: []string{token}})
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	for _, id := range ids {
		list = append(list, map[string]any{"participantId": id, "audio": false, "video": true})
	}
	if err := wsjson.Write(t.Context(), c, map[string]any{"type": "SUBSCRIBE", "payload": map[string]any{"participants": list}}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for {
			if _, _, err := c.Read(context.Background()); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { c.CloseNow(); <-heard })
}

func mediaMTXForwarder(t *testing.T) (f forwarder, why string) {
	http := freeAddr(t)
	pid, stop, why := startMediaMTX(t, http, "rtmp: false", "hls: false", "webrtc: true", "webrtcAddress: "+http, "webrtcLocalUDPAddress: "+freeUDP(t))
	return forwarder{
		pid: pid, stop: stop,
		publish: func(person int) sfubench.Door {
			return sfubench.Door{URL: fmt.Sprintf("http://%s/%d/whip", http, person)}
		},
		watch: func(_, whom int) sfubench.Door {
			return sfubench.Door{URL: fmt.Sprintf("http://%s/%d/whep", http, whom)}
		},
	}, why
}

func broadcastBox(t *testing.T) (f forwarder, why string) {
	http := freeAddr(t)
	pid, stop, why := peerProgram{
		env: broadcastBoxEnv, binary: "broadcast-box", listens: http,
		environ: []string{
			"HTTP_ADDRESS=" + http, "DISABLE_FRONTEND=TRUE", "DISABLE_STATUS=TRUE", "LOGGING_ENABLED=FALSE", "LOGGING_LEVEL=ERROR",
			"INCLUDE_LOOPBACK_CANDIDATE=TRUE", "INTERFACE_FILTER=lo",
		},
	}.start(t)
	return forwarder{
		pid: pid, stop: stop,
		publish: func(person int) sfubench.Door {
			return sfubench.Door{URL: "http://" + http + "/api/whip", Token: fmt.Sprintf("stream-%d", person)}
		},
		watch: func(_, whom int) sfubench.Door {
			return sfubench.Door{URL: "http://" + http + "/api/whep", Token: fmt.Sprintf("stream-%d", whom)}
		},
	}, why
}

// liveKit has its WHIP door for publishing, which subscribes who comes to everybody in the room, and makes the
// answer wait for the tracks that a header names. Hence one room for each publisher.
func liveKit(t *testing.T) (f forwarder, why string) {
	const key, secret = "bench", "a secret that is thirty-two bytes"
	http := freeAddr(t)
	_, port, _ := net.SplitHostPort(http)
	_, udp, _ := net.SplitHostPort(freeUDP(t))
	pid, stop, why := peerProgram{
		env: liveKitEnv, binary: "livekit-server", listens: http, args: []string{"--config"},
		config: strings.Join([]string{
			"port: " + port, "bind_addresses: [127.0.0.1]", "keys: {" + key + ": " + secret + "}", "logging: {level: error}",
			"rtc: {udp_port: " + udp + ", tcp_port: 0, enable_loopback_candidate: true, ips: {includes: [127.0.0.0/8]}}",
			"node_selector: {sysload_limit: 1000}", "",
		}, "\n"),
	}.start(t)
	door := func(room int, identity string, publishes bool) sfubench.Door {
		return sfubench.Door{URL: "http://" + http + "/whip/v1", Token: liveKitToken(key, secret, fmt.Sprint(room), identity, publishes)}
	}
	return forwarder{
		pid: pid, stop: stop,
		publish: func(person int) sfubench.Door { return door(person, "publisher", true) },
		watch: func(person, whom int) sfubench.Door {
			d := door(whom, fmt.Sprint(person), false)
			d.Header = map[string][]string{"X-Livekit-Clientinfo": {`{"subscribedParticipantTrackNames":{"publisher":["synthesized-camera"]}}`}}
			return d
		},
	}, why
}

// liveKitToken makes an access token, a JWT of HS256 with a grant for one room.
func liveKitToken(key, secret, room, identity string, publishes bool) string {
	encode := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := encode(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + encode(map[string]any{
		"iss": key, "sub": identity, "exp": time.Now().Add(time.Hour).Unix(),
		"video": map[string]any{"room": room, "roomJoin": true, "canPublish": publishes, "canSubscribe": !publishes},
	})
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// freeUDP gives an address that a peer may listen at.
func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}
