package site

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkivs "github.com/aws/aws-sdk-go-v2/service/ivs"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/ugc"
)

// elsewhere is a service whose channels say something else of SRT than this server's do.
type elsewhere struct {
	ugc.Channels
	srt *ivstypes.Srt
}

func (e elsewhere) GetChannel(ctx context.Context, in *sdkivs.GetChannelInput, o ...func(*sdkivs.Options)) (*sdkivs.GetChannelOutput, error) {
	out, err := e.Channels.GetChannel(ctx, in, o...)
	if err == nil {
		out.Channel.Srt = e.srt
	}
	return out, err
}

func TestTheOwnerAloneSeesTheSRTAddressAndOnlyWhenAsked(t *testing.T) {
	w := newWorld(t)
	ada, grace := w.register("ada"), w.register("grace")
	var shown []string
	for _, b := range []*browser{ada, grace} {
		key := b.do("POST", "/api/dashboard/stream-key/reveal", struct{}{}).want(t, 200).json("value").(string)
		a := b.do("POST", "/api/dashboard/srt/reveal", struct{}{}).want(t, 200)
		passphrase, _ := a.json("passphrase").(string)
		address, err := url.Parse(a.json("address").(string))
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"streamid": {key}, "passphrase": {passphrase}}
		if address.Scheme != "srt" || address.Host != "127.0.0.1:9000" || address.Query().Encode() != want.Encode() {
			t.Errorf("address = %s, want one with %v", address, want)
		}
		if n := len(passphrase); n < 10 || n > 79 {
			t.Errorf("a passphrase of %d characters", n)
		}
		shown = append(shown, key, passphrase)
	}
	if shown[0] == shown[2] || shown[1] == shown[3] {
		t.Error("two people have the same secrets")
	}
	old := shown[0]
	ada.do("POST", "/api/dashboard/stream-key/reset", struct{}{}).want(t, 200)
	if now := ada.do("POST", "/api/dashboard/srt/reveal", nil).want(t, 200); strings.Contains(string(now.body), old) {
		t.Error("the address still has the key that was replaced")
	}

	places := map[string]string{
		"the log": w.log.String(), "the channel": string(w.browser().get("/api/channels/ada").body),
		"the dashboard": string(ada.get("/api/dashboard").want(t, 200).body), "the page": string(ada.get("/dashboard").want(t, 200).body),
	}
	for place, text := range places {
		for _, secret := range shown {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a secret", place)
			}
		}
	}
	w.away.gone(true)
	ada.do("POST", "/api/dashboard/srt/reveal", nil).want(t, 503)
}

func TestTheSRTAddressFollowsWhatTheServiceSays(t *testing.T) {
	for name, c := range map[string]struct {
		srt    *ivstypes.Srt
		server string // "" where none is offered
	}{
		"Amazon's names no port":  {&ivstypes.Srt{Endpoint: aws.String("a1b2.srt.live-video.net"), Passphrase: aws.String("a passphrase&more")}, "srt://a1b2.srt.live-video.net:9000"},
		"another port":            {&ivstypes.Srt{Endpoint: aws.String("live.example:9710"), Passphrase: aws.String("a passphrase&more")}, "srt://live.example:9710"},
		"no SRT":                  {nil, ""},
		"SRT without an endpoint": {&ivstypes.Srt{Endpoint: aws.String(""), Passphrase: aws.String("a passphrase&more")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(d *Deps) { d.Channels = elsewhere{d.Channels, c.srt} })
			b := w.register("ada")
			dash := b.get("/api/dashboard").want(t, 200)
			if c.server == "" {
				if got := dash.json("srt"); got != nil {
					t.Errorf("srt = %v", got)
				}
				b.do("POST", "/api/dashboard/srt/reveal", struct{}{}).want(t, 404)
				return
			}
			if got := dash.json("srt", "server"); got != c.server {
				t.Errorf("server = %v, want %s", got, c.server)
			}
			address := b.do("POST", "/api/dashboard/srt/reveal", struct{}{}).want(t, 200).json("address").(string)
			u, err := url.Parse(address)
			if err != nil || !strings.HasPrefix(address, c.server+"?") || u.Query().Get("passphrase") != *c.srt.Passphrase {
				t.Errorf("address = %s, %v", address, err)
			}
		})
	}
}
