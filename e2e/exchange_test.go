package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/arn"
)

// signer imports a public key, and gives what signs participant tokens of the stage with its private half.
func (th *theatre) signer() func(id string, change func(claims map[string]any)) string {
	th.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		th.t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		th.t.Fatal(err)
	}
	material := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	imported, err := th.stages.ImportPublicKey(th.t.Context(), &ivsrealtime.ImportPublicKeyInput{PublicKeyMaterial: &material})
	if err != nil {
		th.t.Fatal(err)
	}
	stage, err := th.stages.GetStage(th.t.Context(), &ivsrealtime.GetStageInput{Arn: &th.stage})
	if err != nil {
		th.t.Fatal(err)
	}
	return func(id string, change func(claims map[string]any)) string {
		now := time.Now()
		claims := jwt.MapClaims{
			"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": id, "resource": th.stage, "topic": arn.ID(th.stage),
			"events_url": *stage.Stage.Endpoints.Events, "whip_url": *stage.Stage.Endpoints.Whip, "user_id": "user-" + id,
			"attributes":   map[string]string{"username": id},
			"capabilities": map[string]bool{"allow_publish": true, "allow_subscribe": true}, "version": "1.0",
		}
		change(claims)
		token := jwt.NewWithClaims(jwt.SigningMethodES384, claims)
		token.Header["kid"] = *imported.PublicKey.Arn
		text, err := token.SignedString(key)
		if err != nil {
			th.t.Fatal(err)
		}
		return text
	}
}

// TestATokenIsExchanged has the client library exchange its token for one that the application signed: a participant
// that publishes may only watch from then on, under another name.
func TestATokenIsExchanged(t *testing.T) {
	th := newTheatre(t)
	sign := th.signer()
	first := sign("ann", func(map[string]any) {})
	second := sign("ann", func(claims map[string]any) {
		claims["user_id"], claims["attributes"] = "countess", map[string]string{"username": "countess"}
		claims["capabilities"] = map[string]bool{"allow_subscribe": true}
	})
	tokens, err := json.Marshal(map[string]string{
		"first": first, "second": second, "other": sign("eve", func(map[string]any) {}), "viewer": th.seat("viewer", subscribe).token,
		"forged": second[:strings.LastIndexByte(second, '.')+1] + strings.Repeat("A", 128),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := startScriptWith(t, []string{"TOKENS=" + string(tokens)}, "browser/exchange.mjs")
	s.hear("exchanged")
	s.hear("done")

	stage, err := th.stages.GetStage(t.Context(), &ivsrealtime.GetStageInput{Arn: &th.stage})
	if err != nil || stage.Stage.ActiveSessionId == nil {
		t.Fatalf("no session: %v", err)
	}
	ann := "ann"
	eventually(t, 20*time.Second, "TOKEN_EXCHANGED is listed", func() bool {
		events, err := th.stages.ListParticipantEvents(t.Context(), &ivsrealtime.ListParticipantEventsInput{
			StageArn: &th.stage, SessionId: stage.Stage.ActiveSessionId, ParticipantId: &ann,
		})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(events.Events, func(e types.Event) bool { return e.Name == "TOKEN_EXCHANGED" })
	})
	if strings.Contains(th.Log(), second) {
		t.Error("the token is in the log")
	}
}
