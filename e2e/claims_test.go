package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// viewer asks as a player on a page of an origin does; without one as a program. It gives status and body, and may be
// called from any goroutine.
func viewer(t *testing.T, address, origin string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	return resp.StatusCode, string(body)
}

// mediaOf gives the address of the first media playlist that a multivariant one names.
func mediaOf(t *testing.T, address, multivariant string) string {
	t.Helper()
	for line := range strings.Lines(multivariant) {
		if !strings.HasPrefix(line, "#") {
			return address[:strings.LastIndex(address, "/")+1] + strings.TrimSpace(line)
		}
	}
	t.Fatalf("it names no playlist:\n%s", multivariant)
	return ""
}

// signToken signs claims about a channel that last five minutes; nil takes one out.
func signToken(t *testing.T, key *ecdsa.PrivateKey, c channel, claims map[string]any) string {
	t.Helper()
	all := jwt.MapClaims{"aws:channel-arn": c.ARN, "exp": time.Now().Add(5 * time.Minute).Unix()}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodES384, all).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What each claim of a playback token lets a viewer do: at the door, at the door again, at the playlist, and at a part.
func TestEachClaimOfAPlaybackTokenOverHTTP(t *testing.T) {
	e := enginetest.Start(t)
	channels := ivs.NewFromConfig(e.AWS())
	key := playbackKey(t, channels)
	stranger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made, err := channels.CreateChannel(t.Context(), &ivs.CreateChannelInput{Authorized: true})
	if err != nil {
		t.Fatal(err)
	}
	c := channel{*made.Channel.Arn, *made.Channel.PlaybackUrl, e.RTMP + *made.StreamKey.Value, *made.StreamKey.Value}
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })

	const here, sub, there = "https://a.example", "https://x.b.example", "https://evil.example"
	type at struct{ door, again, playlist, part int }
	all := at{200, 200, 200, 200}
	closed := at{door: 403}
	origins, strict := map[string]any{"aws:access-control-allow-origin": here + ",https://*.b.example"}, map[string]any{
		"aws:access-control-allow-origin": here + ",https://*.b.example", "aws:strict-origin-enforcement": true,
	}
	now := time.Now()
	for _, row := range []struct {
		name   string
		claims map[string]any
		origin string // of all requests
		later  string // of those after the first, if it is another
		want   at
	}{
		{"the least", nil, "", "", all},
		{"the least, in a browser", nil, here, there, all},
		{"no channel", map[string]any{"aws:channel-arn": nil}, "", "", closed},
		{"another channel", map[string]any{"aws:channel-arn": c.ARN[:len(c.ARN)-1] + "_"}, "", "", closed},
		{"no end", map[string]any{"exp": nil}, "", "", closed},
		{"past its end", map[string]any{"exp": now.Add(-time.Second).Unix()}, "", "", closed},
		{"a year ahead", map[string]any{"exp": now.AddDate(1, 0, 0).Unix()}, "", "", all},
		{"an origin that may", origins, here, "", all},
		{"a subdomain that may", origins, sub, "", all},
		{"an origin that may not", origins, there, "", closed},
		{"no browser", origins, "", "", all},
		{"origins are asked at the door only", origins, here, there, at{200, 403, 200, 200}},
		{"strict, an origin that may", strict, here, "", all},
		{"strict, an origin that may not", strict, there, "", closed},
		{"strict, no origin", strict, "", "", closed},
		{"strict, another origin later", strict, here, there, at{200, 403, 403, 403}},
		{"strict, no origins", map[string]any{"aws:strict-origin-enforcement": true}, here, "", closed},
		{"strict, six origins", map[string]any{"aws:strict-origin-enforcement": true, "aws:access-control-allow-origin": strings.Repeat(here+",", 6)}, here, "", closed},
		{"strict that is false", map[string]any{"aws:strict-origin-enforcement": false, "aws:access-control-allow-origin": here}, "", there, at{200, 403, 200, 200}},
		{"a single use", map[string]any{"aws:single-use-uuid": uuid.NewString()}, "", "", at{200, 403, 200, 200}},
		{"a single use without a UUID", map[string]any{"aws:single-use-uuid": "once"}, "", "", closed},
		{"a single use in an hour", map[string]any{"aws:single-use-uuid": uuid.NewString(), "exp": now.Add(time.Hour).Unix()}, "", "", closed},
		{"a viewer", map[string]any{"aws:viewer-id": "v"}, "", "", all},
		{"a viewer in an hour", map[string]any{"aws:viewer-id": "v", "exp": now.Add(time.Hour).Unix()}, "", "", closed},
		{"a viewer with too long a name", map[string]any{"aws:viewer-id": strings.Repeat("v", 41)}, "", "", closed},
		{"a session version", map[string]any{"aws:viewer-id": "v", "aws:viewer-session-version": 7}, "", "", all},
		{"half a session version", map[string]any{"aws:viewer-id": "v", "aws:viewer-session-version": 0.5}, "", "", closed},
		{"a resolution", map[string]any{"aws:maximum-resolution": "FULL_HD"}, "", "", all},
		{"a resolution that there is not", map[string]any{"aws:maximum-resolution": "UHD"}, "", "", closed},
		{"no advertisements", map[string]any{"aws:ads-opt-out": true}, "", "", all},
		{"no advertisements, as text", map[string]any{"aws:ads-opt-out": "true"}, "", "", closed},
		{"parameters of advertisements", map[string]any{"aws:ads-player-params": map[string]any{"a": "b"}}, "", "", all},
		{"too many parameters", map[string]any{"aws:ads-player-params": map[string]any{"a": strings.Repeat("b", 1000)}}, "", "", closed},
		{"reports by the player", map[string]any{"aws:ads-reporting-mode": "CLIENT"}, "", "", all},
		{"reports by nobody", map[string]any{"aws:ads-reporting-mode": "NOBODY"}, "", "", closed},
		{"a playback configuration", map[string]any{"aws:ads-playback-config-name": "spots"}, "", "", all},
		{"what nobody knows", map[string]any{"sub": "x", "kid": 7}, "", "", all},
	} {
		t.Run(row.name, func(t *testing.T) {
			door := c.PlaybackURL + "?token=" + signToken(t, key, c, row.claims)
			var got at
			var multivariant, playlist string
			if got.door, multivariant = viewer(t, door, row.origin); got.door == 200 {
				later := row.origin
				if row.later != "" {
					later = row.later
				}
				got.again, _ = viewer(t, door, later)
				media := mediaOf(t, c.PlaybackURL, multivariant)
				if _, playlist = viewer(t, media, row.origin); !strings.HasPrefix(playlist, "#EXTM3U") {
					t.Fatalf("no playlist: %s", playlist)
				}
				got.playlist, _ = viewer(t, media, later)
				list, _ := hlscheck.Parse(playlist)
				newest := list.Segments[len(list.Segments)-1]
				folder, _, _ := strings.Cut(media, "?")
				got.part, _ = viewer(t, folder[:strings.LastIndex(folder, "/")+1]+newest.Parts[0].URI, later)
			}
			if got != row.want {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
	if code, _ := viewer(t, c.PlaybackURL+"?token="+signToken(t, stranger, c, nil), ""); code != 403 {
		t.Errorf("signed by a stranger: %d", code)
	}
	if code, _ := viewer(t, c.PlaybackURL, ""); code != 403 {
		t.Errorf("no token: %d", code)
	}
}

// From the answer to a revocation on a viewer gets no new media within a second: whoever waits for a playlist, whoever
// goes from part to part, and whoever reads whole segments. Another viewer watches on.
func TestARevokedViewersLastByteComesWithinASecond(t *testing.T) {
	e := enginetest.Start(t)
	channels := ivs.NewFromConfig(e.AWS())
	key := playbackKey(t, channels)
	made, err := channels.CreateChannel(t.Context(), &ivs.CreateChannelInput{Authorized: true})
	if err != nil {
		t.Fatal(err)
	}
	c := channel{*made.Channel.Arn, *made.Channel.PlaybackUrl, e.RTMP + *made.StreamKey.Value, *made.StreamKey.Value}
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	open := func(id string) (media, folder string) {
		door := c.PlaybackURL + "?token=" + signToken(t, key, c, map[string]any{"aws:viewer-id": id})
		_, multivariant := viewer(t, door, "")
		media = mediaOf(t, c.PlaybackURL, multivariant)
		folder, _, _ = strings.Cut(media, "?")
		return media, folder[:strings.LastIndex(folder, "/")+1]
	}
	cut, folder := open("cut")
	stay, _ := open("stay")
	eventually(t, 20*time.Second, "a few segments", func() bool {
		_, text := viewer(t, cut, "")
		list, _ := hlscheck.Parse(text)
		return len(list.Segments) > 4
	})

	type end struct {
		who  string
		at   time.Time
		code int
	}
	ends := make(chan end, 2)
	watching := make(chan string, 16)
	follow := func(who string, directives func(*hlscheck.Playlist) string) {
		address := cut
		for told := false; ; {
			code, text := viewer(t, address, "")
			if code != 200 {
				ends <- end{who, time.Now(), code}
				return
			}
			list, _ := hlscheck.Parse(text)
			if list.Hint != "" && who == "parts" {
				_, _ = viewer(t, folder+list.Hint, "")
			}
			if !told {
				told = true
				watching <- who
			}
			address = cut + directives(list)
		}
	}
	go follow("parts", func(p *hlscheck.Playlist) string {
		msn, part := p.End()
		return fmt.Sprintf("&_HLS_msn=%d&_HLS_part=%d", msn, part)
	})
	// A whole segment ahead is seconds away: this one is waiting when the revocation comes.
	go follow("segments", func(p *hlscheck.Playlist) string {
		msn, _ := p.End()
		return fmt.Sprintf("&_HLS_msn=%d", msn+1)
	})
	<-watching
	<-watching
	if _, err := channels.StartViewerSessionRevocation(t.Context(), &ivs.StartViewerSessionRevocationInput{ChannelArn: &c.ARN, ViewerId: aws.String("cut")}); err != nil {
		t.Fatal(err)
	}
	revoked := time.Now()
	for range 2 {
		select {
		case last := <-ends:
			if after := last.at.Sub(revoked); last.code != 403 || after > time.Second {
				t.Errorf("the one who follows %s was answered %d %v after the revocation", last.who, last.code, after)
			} else {
				t.Logf("the one who follows %s was cut %v after the revocation", last.who, after)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a revoked viewer watches on")
		}
	}
	if code, _ := viewer(t, cut, ""); code != 403 { // plain players ask without directives
		t.Errorf("a plain player is answered %d", code)
	}
	if code, _ := viewer(t, stay, ""); code != 200 {
		t.Errorf("another viewer is answered %d", code)
	}
}
