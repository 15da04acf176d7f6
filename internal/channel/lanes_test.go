package channel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// broadcastSizes brings a channel live with three renditions.
func (h *house) broadcastSizes(key string) *media.Stream {
	h.t.Helper()
	s, err := h.Admit(h.t.Context(), media.Publisher{Protocol: "WHIP", Key: key})
	if err != nil {
		h.t.Fatal(err)
	}
	s.Describe(media.Info{Videos: 3})
	var tracks []*media.Track
	for i, size := range [][2]int{{1920, 1080}, {1280, 720}, {640, 360}} {
		t := *video
		t.ID, t.Width, t.Height = media.FirstVideo+i, size[0], size[1]
		tracks = append(tracks, &t)
	}
	for n := range 90 {
		for _, t := range tracks {
			at := time.Duration(n) * time.Second / 30
			f := &media.Frame{Track: t, DTS: at, PTS: at, Arrived: h.clock.Now(), Key: n%30 == 0, Payload: make([]byte, 3000/t.ID)}
			if err := s.Write(f); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	return s
}

func TestEachRenditionHasAPlaylistThatKeepsTheSession(t *testing.T) {
	h := newHouse(t)
	h.broadcastSizes(privateKey)
	const page = "https://a.example"
	for what, claims := range map[string][]any{
		"of a session in the query":  {},
		"of a session in the folder": {"aws:access-control-allow-origin", page, "aws:strict-origin-enforcement", true},
	} {
		w := ask(h, channel.PlaybackPath(h.private.ARN)+"?token="+h.token(claims...), page)
		variants, faults := hlscheck.Multivariant(w.Body.String())
		if len(faults) > 0 || len(variants) != 3 {
			t.Fatalf("%s: %d %v\n%s", what, w.Code, faults, w.Body)
		}
		lists, addresses := map[string]*hlscheck.Playlist{}, map[string]string{}
		for i, v := range variants {
			file := v[strings.LastIndex(v, "/")+1:]
			name, query, _ := strings.Cut(file, "?")
			if _, first, _ := strings.Cut(variants[0], "?"); query != first || query == "" || folderOf(v) != folderOf(variants[0]) {
				t.Errorf("%s: the session is not that of the first: %s", what, v)
			}
			if want := []string{"av.m3u8", "av1.m3u8", "av2.m3u8"}[i]; name != want {
				t.Errorf("%s: variant %d is %s", what, i, name)
			}
			address := channel.PlaybackRoot + v
			lists[name], addresses[name] = h.listing(address, page), address
			bare, _, _ := strings.Cut(address, "?")
			if len(claims) == 0 {
				h.want(403, what+", without it", bare, page)
			} else {
				h.want(403, what+", without an origin", address, "")
			}
			h.want(200, what+", a part", folderOf(address)+lists[name].Segments[0].Parts[0].URI, page)
		}
		eventually(t, what+": all are alike, once all that came is packaged", func() bool {
			for name, address := range addresses {
				lists[name] = h.listing(address, page)
			}
			return len(hlscheck.Aligned(lists)) == 0
		})
	}
}

func TestATokenLimitsTheRenditions(t *testing.T) {
	h := newHouse(t)
	h.broadcastSizes(privateKey)
	path := channel.PlaybackPath(h.private.ARN)
	for claim, want := range map[string]string{"FULL_HD": "av.m3u8 av1.m3u8 av2.m3u8", "HD": "av1.m3u8 av2.m3u8", "SD": "av2.m3u8"} {
		w := ask(h, path+"?token="+h.token("aws:maximum-resolution", claim), "")
		variants, faults := hlscheck.Multivariant(w.Body.String())
		if len(faults) > 0 {
			t.Fatalf("%s: %d %v", claim, w.Code, faults)
		}
		var names []string
		for _, v := range variants {
			name, _, _ := strings.Cut(v[strings.LastIndex(v, "/")+1:], "?")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s lists %s, want %s", claim, got, want)
		}
		for _, file := range []string{"av.m3u8", "av1.m3u8", "av2.m3u8"} {
			code := 403
			if strings.Contains(want, file) {
				code = 200
			}
			last := names[len(names)-1]
			h.want(code, claim+", "+file, channel.PlaybackRoot+strings.Replace(variants[len(variants)-1], last, file, 1), "")
		}
	}
	h.want(404, "a rendition that is not there", strings.Replace(h.open(h, h.token(), ""), "av.m3u8", "av3.m3u8", 1), "")
}
