package ivsrealtime_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

var (
	publish   = types.ParticipantTokenCapabilityPublish
	subscribe = types.ParticipantTokenCapabilitySubscribe
	issued    = clock.Truncate(time.Second)
)

func TestParticipantToken(t *testing.T) {
	s := start(t)
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{})).Stage.Arn
	kilobyte := map[string]string{"naïve": strings.Repeat("é", 509)} // 6 + 1018 bytes
	both := []types.ParticipantTokenCapability{publish, subscribe}
	for _, c := range []struct {
		name string
		in   sdk.CreateParticipantTokenInput
		want types.ParticipantToken
		seat auth.Seat
	}{
		{
			"nothing asked for",
			sdk.CreateParticipantTokenInput{},
			types.ParticipantToken{Capabilities: both, Duration: aws.Int32(720)},
			auth.Seat{Publish: true, Subscribe: true, Expires: issued.Add(12 * time.Hour)},
		}, {
			"no capabilities means the default",
			sdk.CreateParticipantTokenInput{Capabilities: []types.ParticipantTokenCapability{}},
			types.ParticipantToken{Capabilities: both, Duration: aws.Int32(720)},
			auth.Seat{Publish: true, Subscribe: true, Expires: issued.Add(12 * time.Hour)},
		}, {
			"everything asked for",
			sdk.CreateParticipantTokenInput{
				UserId: aws.String("ann"), Attributes: map[string]string{"name": "Ann"}, Duration: aws.Int32(1),
				Capabilities: []types.ParticipantTokenCapability{subscribe},
			},
			types.ParticipantToken{
				UserId: aws.String("ann"), Attributes: map[string]string{"name": "Ann"}, Duration: aws.Int32(1),
				Capabilities: []types.ParticipantTokenCapability{subscribe},
			},
			auth.Seat{UserID: "ann", Attributes: map[string]string{"name": "Ann"}, Subscribe: true, Expires: issued.Add(time.Minute)},
		}, {
			"the longest life and the largest attributes",
			sdk.CreateParticipantTokenInput{Attributes: kilobyte, Duration: aws.Int32(20160), Capabilities: []types.ParticipantTokenCapability{publish}},
			types.ParticipantToken{Attributes: kilobyte, Duration: aws.Int32(20160), Capabilities: []types.ParticipantTokenCapability{publish}},
			auth.Seat{Attributes: kilobyte, Publish: true, Expires: issued.Add(14 * 24 * time.Hour)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.StageArn = stage
			got := must[*sdk.CreateParticipantTokenOutput](t)(s.client.CreateParticipantToken(t.Context(), &c.in)).ParticipantToken
			if got.ParticipantId == nil || len(*got.ParticipantId) != 12 {
				t.Fatalf("participant id: %v", got.ParticipantId)
			}
			c.want.ParticipantId, c.want.Token, c.want.ExpirationTime = got.ParticipantId, got.Token, &c.seat.Expires
			if d := cmp.Diff(&c.want, got, cmpopts.IgnoreUnexported(types.ParticipantToken{})); d != "" {
				t.Errorf("answer: %s", d)
			}
			c.seat.ParticipantID, c.seat.StageARN, c.seat.StageID = *got.ParticipantId, *stage, arn.ID(*stage)
			c.seat.EventsURL, c.seat.WhipURL, c.seat.Issued = endpoints.Events, endpoints.Whip, issued
			seat, err := s.seats.Verify(*got.Token, clock)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.seat, seat); d != "" {
				t.Errorf("seat: %s", d)
			}
		})
	}
}

func TestTokensOfANewStageComeInOrder(t *testing.T) {
	s := start(t)
	var asked []types.ParticipantTokenConfiguration
	for i := range 12 {
		asked = append(asked, types.ParticipantTokenConfiguration{UserId: aws.String(fmt.Sprint("user-", i)), Duration: aws.Int32(int32(i + 1))})
	}
	made := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{ParticipantTokenConfigurations: asked}))
	if len(made.ParticipantTokens) != 12 {
		t.Fatalf("%d tokens", len(made.ParticipantTokens))
	}
	for i, token := range made.ParticipantTokens {
		seat, err := s.seats.Verify(*token.Token, clock)
		if err != nil {
			t.Fatal(err)
		}
		if seat.UserID != *asked[i].UserId || *token.UserId != seat.UserID || seat.StageARN != *made.Stage.Arn || !seat.Expires.Equal(*token.ExpirationTime) {
			t.Errorf("token %d: %+v", i, seat)
		}
	}
}

func TestTokenRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(t.Context(), &sdk.CreateStageInput{})).Stage.Arn
	for _, c := range []struct {
		name string
		in   sdk.CreateParticipantTokenInput
		says string
	}{
		{"20,161 minutes", sdk.CreateParticipantTokenInput{Duration: aws.Int32(20161)}, "duration must be between 1 and 20160"},
		{"no minutes", sdk.CreateParticipantTokenInput{Duration: aws.Int32(0)}, "duration"},
		{"1,025 bytes of attributes", sdk.CreateParticipantTokenInput{Attributes: map[string]string{"k": strings.Repeat("x", 1024)}}, "attributes must be at most 1024 bytes"},
		{"1,025 bytes in letters of two", sdk.CreateParticipantTokenInput{Attributes: map[string]string{"k": strings.Repeat("é", 512)}}, "attributes"},
		{"user id of 129 characters", sdk.CreateParticipantTokenInput{UserId: aws.String(strings.Repeat("x", 129))}, "userId"},
		{"three capabilities", sdk.CreateParticipantTokenInput{Capabilities: []types.ParticipantTokenCapability{publish, subscribe, publish}}, "capabilities"},
		{"unknown capability", sdk.CreateParticipantTokenInput{Capabilities: []types.ParticipantTokenCapability{"DANCE"}}, "capabilities"},
		{"another region's stage", sdk.CreateParticipantTokenInput{StageArn: aws.String(strings.Replace(*stage, "us-east-1", "eu-west-1", 1))}, "us-east-1"},
		{"a channel", sdk.CreateParticipantTokenInput{StageArn: aws.String(minter.New(arn.Channel))}, "stageArn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.in.StageArn == nil {
				c.in.StageArn = stage
			}
			_, err := s.client.CreateParticipantToken(t.Context(), &c.in)
			if e := wants[*types.ValidationException](t, err); !strings.Contains(*e.ExceptionMessage, c.says) {
				t.Errorf("message %q does not say %q", *e.ExceptionMessage, c.says)
			}
		})
	}
	_, err := s.client.CreateParticipantToken(t.Context(), &sdk.CreateParticipantTokenInput{StageArn: aws.String(minter.New(arn.Stage))})
	wants[*types.ResourceNotFoundException](t, err)
}

// SDKs refuse these before sending, so they are written by hand.
func TestRawTokenRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ name, body, want, says string }{
		{"no stage ARN", `{}`, "ValidationException", "stageArn is required"},
		{"no body", ``, "ValidationException", "stageArn is required"},
		{"null stage ARN", `{"stageArn":null}`, "ValidationException", "stageArn is required"},
		{"numeric user id", `{"stageArn":"x","userId":11231234}`, "SerializationException", "userId must be a string, not a number"},
		{"duration in words", `{"stageArn":"x","duration":"long"}`, "SerializationException", "duration must be a number, not a string"},
		{"broken JSON", `{"stageArn":`, "SerializationException", "JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if body := post(t, s, "CreateParticipantToken", c.body, 400, c.want); !strings.Contains(string(body), c.says) {
				t.Errorf("got %s", body)
			}
		})
	}
}

// BenchmarkCreateParticipantToken is the whole of a request but the socket: signature, route, JSON,
// validation, database, token, JSON.
func BenchmarkCreateParticipantToken(b *testing.B) {
	s := start(b)
	stage := must[*sdk.CreateStageOutput](b)(s.client.CreateStage(b.Context(), &sdk.CreateStageInput{})).Stage.Arn
	body := `{"stageArn":"` + *stage + `","userId":"ann","attributes":{"name":"Ann"},"duration":60}`
	r := signed(b, s.url+"/CreateParticipantToken", body)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader([]byte(body)))
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
