//go:build soak

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// TestSoakOneOfTwoEncodersIsKilled has two ffmpegs publish to the two keys of a redundant ingest configuration, and kills one,
// then lets it come back and kills the other. Who watches goes on in one session, from a key frame each time.
func TestSoakOneOfTwoEncodersIsKilled(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca))
	th := theatreOn(t, e, e.HTTPS, e.AWS())
	made := th.redundantIngest(e)
	stage, err := th.stages.GetStage(t.Context(), &ivsrealtime.GetStageInput{Arn: &th.stage})
	if err != nil {
		t.Fatal(err)
	}
	start := func(i int) (*encoder, seat) {
		one := made.RedundantIngestCredentials[i]
		return ffmpeg(t, *stage.Stage.Endpoints.Rtmps+one.StreamKey, picture{gop: "30"}), seat{id: one.ParticipantID}
	}
	first, a := start(0)
	th.events(a, "JOINED", "PUBLISH_STARTED")
	second, b := start(1)
	th.events(b, "JOINED", "PUBLISH_STARTED")

	guest := th.seat("guest", subscribe)
	var keys, sound atomic.Int64
	sub := rtctest.Subscribe(t, th.watching(made.ParticipantID), guest.token, rtctest.Options{H264Only: true, HTTP: http2Client(t, ca), OnPacket: func(p rtctest.Packet) {
		if p.KeyFrame() {
			keys.Add(1)
		}
		if p.Kind == rtctest.Audio {
			sound.Add(1)
		}
	}})
	sub.Await(t, rtctest.Video, 60)
	goesOn := func(what string) {
		t.Helper()
		gone, shown, heard := time.Now(), keys.Load(), sound.Load()
		eventually(t, 15*time.Second, what, func() bool { return keys.Load() >= shown+2 && sound.Load() > heard+50 })
		t.Logf("%s: two key frames and a second of sound %.1f s later", what, time.Since(gone).Seconds())
	}
	goesOn("two encoders")
	first.broken()
	goesOn("the first one is dead")
	th.events(a, "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT")
	third, _ := start(0)
	th.events(a, "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT", "JOINED", "PUBLISH_STARTED")
	goesOn("it is back")
	second.broken()
	goesOn("the second one is dead")
	third.stillThere(t)
	th.events(guest, "JOINED", "SUBSCRIBE_STARTED")
}

// redundant is an ingest configuration with two keys.
type redundant struct {
	ParticipantID              string // whom everybody sees
	RedundantIngestCredentials []struct{ ParticipantID, StreamKey string }
}

// redundantIngest makes an ingest configuration for the stage, by hand: the SDK in use does not know its member yet.
func (th *theatre) redundantIngest(e *enginetest.Engine) redundant {
	th.t.Helper()
	body := `{"ingestProtocol":"RTMPS","redundantIngest":true,"stageArn":"` + th.stage + `"}`
	req, err := http.NewRequestWithContext(th.t.Context(), http.MethodPost, e.URL+"/CreateIngestConfiguration", strings.NewReader(body))
	if err != nil {
		th.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(th.t.Context(), aws.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.Secret}, req, hex.EncodeToString(sum[:]), "ivs", e.Region, time.Now()); err != nil {
		th.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		th.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ IngestConfiguration redundant }
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text, &out) != nil || len(out.IngestConfiguration.RedundantIngestCredentials) != 2 {
		th.t.Fatalf("%d %s, %v", resp.StatusCode, text, err)
	}
	return out.IngestConfiguration
}
