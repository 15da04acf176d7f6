package stage_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/stage"
)

func TestTokenThatACustomerSignedOpensTheDoorsWhileItsKeyIsKnown(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.EventsURL, d.WhipURL = "ws://here/stage-events", "http://here/whip" })
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	name := minter.New(arn.PublicKey)
	foreign := strings.Replace(name, "000000000000", "111111111111", 1)
	elsewhere := strings.Replace(name, "us-east-1", "eu-west-1", 1)
	for _, known := range []string{name, foreign, elsewhere, n.stage} {
		n.directory.signers[known] = &key.PublicKey
	}
	sign := func(id string, change ...func(header, claims map[string]any)) string {
		now := time.Now()
		claims := jwt.MapClaims{
			"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": id, "resource": n.stage, "topic": arn.ID(n.stage),
			"events_url": "ws://here/stage-events", "whip_url": "http://here/whip", "user_id": "user-" + id,
			"capabilities": map[string]bool{"allow_publish": true, "allow_subscribe": true}, "version": "1.0",
		}
		token := jwt.NewWithClaims(jwt.SigningMethodES384, claims)
		token.Header["kid"] = name
		for _, f := range change {
			f(token.Header, claims)
		}
		text, err := token.SignedString(key)
		check(t, err)
		return text
	}
	host := n.publish(sign("host"))
	viewer := n.join(sign("viewer"))
	viewer.until(func() bool { return viewer.here["host"].IsPublishing })
	n.subscribe(sign("viewer"), "host")

	for what, c := range map[string]struct {
		change func(header, claims map[string]any)
		status int
		code   string
	}{
		"another address of events": {func(_, c map[string]any) { c["events_url"] = "ws://there" }, 401, "TOKEN_MALFORMED"},
		"another address of WHIP":   {func(_, c map[string]any) { c["whip_url"] = "http://there" }, 401, "TOKEN_MALFORMED"},
		"an unknown key":            {func(h, _ map[string]any) { h["kid"] = minter.New(arn.PublicKey) }, 401, "TOKEN_MALFORMED"},
		"another account's key":     {func(h, _ map[string]any) { h["kid"] = foreign }, 401, "TOKEN_MALFORMED"},
		"another region's key":      {func(h, _ map[string]any) { h["kid"] = elsewhere }, 401, "TOKEN_MALFORMED"},
		"no key":                    {func(h, _ map[string]any) { delete(h, "kid") }, 401, "TOKEN_MALFORMED"},
		"for longer than 14 days":   {func(_, c map[string]any) { c["exp"] = time.Now().Add(15 * 24 * time.Hour).Unix() }, 401, "TOKEN_MALFORMED"},
		"a stage's name as key":     {func(h, _ map[string]any) { h["kid"] = n.stage }, 401, "TOKEN_MALFORMED"},
		"its time over":             {func(_, c map[string]any) { c["exp"] = time.Now().Add(-time.Second).Unix() }, 401, "TOKEN_EXPIRED"},
		"no capability":             {func(_, c map[string]any) { delete(c, "capabilities") }, 403, "TOKEN_NOT_ALLOWED"},
		"another topic":             {func(_, c map[string]any) { c["topic"] = "x" }, 403, "TOKEN_NOT_ALLOWED"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := n.m.Publish(t.Context(), request(sign("guest", c.change), ""))
			wantRefusal(t, err, c.status, c.code)
		})
	}

	delete(n.directory.signers, name)
	_, err = n.m.Publish(t.Context(), request(sign("late"), ""))
	wantRefusal(t, err, 401, "TOKEN_MALFORMED")
	if !host.open() {
		t.Error("who came in by the key was sent away")
	}
	n.directory.fail(fault.Down("the database is away"))
	_, err = n.m.Publish(t.Context(), request(sign("late"), ""))
	wantRefusal(t, err, 503, "UNAVAILABLE")
}
