package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// playbackKey makes a key pair and imports its public half.
func playbackKey(t *testing.T, channels *ivs.Client) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if _, err := channels.ImportPlaybackKeyPair(t.Context(), &ivs.ImportPlaybackKeyPairInput{PublicKeyMaterial: &public}); err != nil {
		t.Fatal(err)
	}
	return key
}

// Viewers of a private channel, with tokens that its owner signs: hls.js in Chromium and ffmpeg.
func TestAPrivateChannelIsWatchedUntilAViewerIsRevoked(t *testing.T) {
	e := enginetest.Start(t)
	channels := ivs.NewFromConfig(e.AWS())
	key := playbackKey(t, channels)
	ads, err := channels.CreateAdConfiguration(t.Context(), &ivs.CreateAdConfigurationInput{
		MediaTailorPlaybackConfigurations: []types.MediaTailorPlaybackConfiguration{{PlaybackConfigurationArn: aws.String("arn:aws:mediatailor:us-east-1:000000000000:playbackConfiguration/spots")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	made, err := channels.CreateChannel(t.Context(), &ivs.CreateChannelInput{Authorized: true, AdConfigurationArn: ads.AdConfiguration.Arn})
	if err != nil {
		t.Fatal(err)
	}
	c := channel{*made.Channel.Arn, *made.Channel.PlaybackUrl, e.RTMP + *made.StreamKey.Value, *made.StreamKey.Value}
	token := func(viewer string) string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims{
			"aws:channel-arn": c.ARN, "aws:viewer-id": viewer, "exp": time.Now().Add(5 * time.Minute).Unix(),
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	fetch(t, c.PlaybackURL, http.StatusForbidden)

	cut, stay := token("cut"), token("stay")
	s := startScriptWith(t, []string{"CUT=" + cut, "STAY=" + stay}, "browser/private.mjs", c.PlaybackURL)
	stream, err := channels.GetStream(t.Context(), &ivs.GetStreamInput{ChannelArn: &c.ARN})
	if err != nil {
		t.Fatal(err)
	}
	sessionTimes(t, s.hear("playing"), stream.Stream)
	const first, second = "a goal: 1–0 ⚽", "and 2–0"
	tell := func(text string) {
		t.Helper()
		if _, err := channels.PutMetadata(t.Context(), &ivs.PutMetadataInput{ChannelArn: &c.ARN, Metadata: &text}); err != nil {
			t.Fatal(err)
		}
	}
	tell(first)
	if told := s.hear("told"); !strings.HasSuffix(told["tag"].(string), "\x03metadata.live-video.net\x00"+first) || told["times"] != 1.0 {
		t.Errorf("the player was told %q", told)
	}
	tell(second)
	if cued := s.hear("cued"); !slices.Equal(cued["texts"].([]any), []any{first, second}) {
		t.Errorf("the player's cues are %q", cued)
	}
	adBreak, err := channels.InsertAdBreak(t.Context(), &ivs.InsertAdBreakInput{ChannelArn: &c.ARN, DurationSeconds: aws.Int32(30)})
	if err != nil {
		t.Fatal(err)
	}
	if mark := s.hear("marked"); mark["id"] != *adBreak.AdBreakId || mark["ad"] != *adBreak.AdBreakId || mark["planned"] != 30.0 || mark["valid"] != true {
		t.Errorf("the mark of break %s is %v", *adBreak.AdBreakId, mark)
	}
	if _, err := channels.StartViewerSessionRevocation(t.Context(), &ivs.StartViewerSessionRevocationInput{ChannelArn: &c.ARN, ViewerId: aws.String("cut")}); err != nil {
		t.Fatal(err)
	}
	s.cue("revoked")
	s.hear("cut")
	s.hear("done")
	fetch(t, c.PlaybackURL+"?token="+cut, http.StatusForbidden)
	probe(t, c.PlaybackURL+"?token="+stay)
	if log := e.Log(); strings.Contains(log, cut) || strings.Contains(log, stay) || strings.Contains(log, second) {
		t.Error("the log holds a token, or what was said to viewers")
	}
}

// sessionTimes holds what hls.js heard of the stream's time to what the API says of the stream.
func sessionTimes(t *testing.T, playing map[string]any, stream *types.Stream) {
	t.Helper()
	var before, media float64
	for _, told := range playing["times"].([]any) {
		at := told.(map[string]any)
		date, err := time.Parse(time.RFC3339, at["utc"].(string))
		if err != nil {
			t.Fatal(err)
		}
		since, pts := at["time"].(float64), at["pts"].(float64)
		if at["streamId"] != *stream.StreamId || date.Sub(stream.StartTime.Add(time.Duration(since*1e9))).Abs() > 1500*time.Millisecond {
			t.Errorf("%v, of stream %s that began at %v", at, *stream.StreamId, stream.StartTime)
		}
		if before != 0 && (since-before)-(pts-media) > 0.1 {
			t.Errorf("%v s of the stream are %v s of media", since-before, pts-media)
		}
		before, media = since, pts
	}
}
