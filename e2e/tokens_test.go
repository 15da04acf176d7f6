package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/streamcat/streamcat/internal/arn"
)

// sdpOffer is what a client that sends, or one that receives, offers.
func sdpOffer(t *testing.T, direction webrtc.RTPTransceiverDirection) string {
	t.Helper()
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := peer.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := peer.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return peer.LocalDescription().SDP
}

// post sends an offer and gives the status, and the code of a refusal. A session that was made is ended.
func (th *theatre) post(url, token, sdp string) (status int, code string) {
	th.t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(sdp))
	if err != nil {
		th.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/sdp")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		th.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		th.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusCreated {
		r, err := http.NewRequest(http.MethodDelete, resp.Header.Get("Location"), nil)
		if err != nil {
			th.t.Fatal(err)
		}
		gone, err := http.DefaultClient.Do(r)
		if err != nil || gone.StatusCode != http.StatusOK {
			th.t.Errorf("DELETE of a session: %v, %v", gone, err)
		}
		gone.Body.Close()
		return resp.StatusCode, ""
	}
	var problem struct{ Code string }
	if err := json.Unmarshal(body, &problem); err != nil {
		th.t.Errorf("%d is not told as a problem: %s", resp.StatusCode, body)
	}
	return resp.StatusCode, problem.Code
}

// socket opens the events socket of a stage and gives the type of its first frame, or the code of the
// refusal in it.
func (th *theatre) socket(stageARN, token string) string {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(th.t.Context(), 10*time.Second)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(th.url, "http")+"/stage-events/"+arn.ID(stageARN),
		&websocket.DialOptions{Subprotocols: []string{token}})
	if err != nil {
		th.t.Fatalf("the socket was not opened: %v, %v", resp, err)
	}
	defer c.CloseNow()
	var frame struct {
		Type    string
		Payload struct{ Code string }
	}
	_, text, err := c.Read(ctx)
	if err == nil {
		err = json.Unmarshal(text, &frame)
	}
	if err != nil {
		th.t.Fatalf("the socket said nothing: %v", err)
	}
	if frame.Type == "ERROR" {
		return frame.Payload.Code
	}
	return frame.Type
}

func TestADoorOpensToTheRightTokenOnly(t *testing.T) {
	th := newTheatre(t)
	sending, receiving := sdpOffer(t, webrtc.RTPTransceiverDirectionSendonly), sdpOffer(t, webrtc.RTPTransceiverDirectionRecvonly)
	host := th.seat("host", publish)
	startPeer(t, host.token, python, "webrtc/gst.py", th.whip()).hears(t, "connected")
	th.events(host, "JOINED", "PUBLISH_STARTED")

	// expect asks all three doors.
	expect := func(what, token, stage string, whip, subscribe int, refusal, socket string) {
		t.Helper()
		if status, code := th.post(th.whip(), token, sending); status != whip || status != http.StatusCreated && code != refusal {
			t.Errorf("%s, WHIP: %d %s, want %d %s", what, status, code, whip, refusal)
		}
		if status, code := th.post(th.watching(host.id), token, receiving); status != subscribe || status != http.StatusCreated && code != refusal {
			t.Errorf("%s, subscribe: %d %s, want %d %s", what, status, code, subscribe, refusal)
		}
		if got := th.socket(stage, token); got != socket {
			t.Errorf("%s, events: %s, want %s", what, got, socket)
		}
	}
	both, watcher, speaker := th.seat("both"), th.seat("watcher", subscribe), th.seat("speaker", publish)
	expect("both capabilities", both.token, th.stage, 201, 201, "", "STAGE_STATE")
	expect("subscribe only", watcher.token, th.stage, 403, 201, "TOKEN_NOT_ALLOWED", "STAGE_STATE")
	expect("publish only", speaker.token, th.stage, 201, 403, "TOKEN_NOT_ALLOWED", "STAGE_STATE")
	expect("garbage", "eyJhbGciOiJub25lIn0.e30.", th.stage, 401, 401, "TOKEN_MALFORMED", "TOKEN_MALFORMED")
	tampered := both.token[:len(both.token)-6] + "AAAAAA"
	expect("another signature", tampered, th.stage, 401, 401, "TOKEN_MALFORMED", "TOKEN_MALFORMED")

	// Another stage: its events are not for this token, nor are its participants.
	here, other := th.stage, th.newStage()
	if got := th.socket(other, both.token); got != "TOKEN_NOT_ALLOWED" {
		t.Errorf("another stage's events: %s", got)
	}
	th.stage = other
	stranger := th.seat("stranger")
	th.stage = here
	if status, code := th.post(th.watching(host.id), stranger.token, receiving); status != 404 || code != "PARTICIPANT_NOT_FOUND" {
		t.Errorf("another stage's participant: %d %s", status, code)
	}
	if got := th.socket(here, stranger.token); got != "TOKEN_NOT_ALLOWED" {
		t.Errorf("with another stage's token: %s", got)
	}

	reason := "rude"
	if _, err := th.stages.DisconnectParticipant(t.Context(), &ivsrealtime.DisconnectParticipantInput{StageArn: &th.stage, ParticipantId: &both.id, Reason: &reason}); err != nil {
		t.Fatal(err)
	}
	expect("disconnected", both.token, th.stage, 403, 403, "PARTICIPANT_DISCONNECTED", "PARTICIPANT_DISCONNECTED")

	fresh := th.seat("fresh")
	if _, err := th.stages.DeleteStage(t.Context(), &ivsrealtime.DeleteStageInput{Arn: &th.stage}); err != nil {
		t.Fatal(err)
	}
	expect("stage deleted", fresh.token, th.stage, 404, 404, "STAGE_DELETED", "STAGE_DELETED")
	for _, s := range []seat{host, both, watcher, speaker, stranger, fresh} {
		if strings.Contains(th.Log(), s.token) {
			t.Error("a token is in the log")
		}
	}
}
