package rtc

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// obs is the form of OBS 30's offer: all of the transport at session level, two groups, an odd
// ice-options line.
const obs = `v=0
o=rtc 3767197920 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:jBua
a=ice-pwd:sGMWCN7IUyCP8MLVKNbN+m
a=ice-options:ice2,trickle
a=fingerprint:sha-256 5C:6E:8F:4E:2F:2A:2C:7B:90:8D:54:BB:5C:9C:1A:6B:9F:7B:1E:0A:BB:AD:52:C1:FF:00:4D:7F:66:12:9A:01
m=audio 45212 UDP/TLS/RTP/SAVPF 111
c=IN IP4 192.0.2.5
a=mid:0
a=sendonly
a=ssrc:1 cname:x
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
a=candidate:1 1 UDP 2122317823 192.0.2.5 45212 typ host
a=end-of-candidates
m=video 45212 UDP/TLS/RTP/SAVPF 96
c=IN IP4 192.0.2.5
a=mid:1
a=sendonly
a=ssrc:2 cname:x
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
`

// gstreamer is what webrtcbin 1.22 offers, without a BUNDLE group for one section.
const gstreamer = `v=0
o=- 4611731400430051336 0 IN IP4 0.0.0.0
s=-
t=0 0
a=ice-options:trickle
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=setup:actpass
a=ice-ufrag:abcdefgh
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=rtcp-mux
a=rtcp-rsize
a=sendrecv
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack pli
a=framerate:30
a=fmtp:96 packetization-mode=1;profile-level-id=42c015;sprop-parameter-sets=Z0LAFdoFB+hAAAADAEAAAAwDxQuo,aM48gA==
a=ssrc:3476133462 msid:u w
a=mid:video0
a=fingerprint:sha-256 5C:6E:8F:4E:2F:2A:2C:7B:90:8D:54:BB:5C:9C:1A:6B:9F:7B:1E:0A:BB:AD:52:C1:FF:00:4D:7F:66:12:9A:01
a=candidate:1 1 UDP 2015363327 192.0.2.7 39117 typ host
a=candidate:2 1 TCP 1015021823 192.0.2.7 9 typ host tcptype active
a=candidate:3 1 TCP 1010827519 192.0.2.7 45733 typ host tcptype passive
`

func TestOffersOfClients(t *testing.T) {
	for _, c := range []struct {
		name       string
		text       string
		publishing bool
		video      string // pt and fmtp
		audio      string
		setup      string
		ufrag      string
		rtx        uint8
	}{
		{"Chromium publishes", offerText("sendonly"), true, "108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "111 minptime=10;useinbandfec=1", "actpass", "cVCM", 109},
		{"Chromium subscribes", offerText("recvonly"), false, "108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "111 minptime=10;useinbandfec=1", "actpass", "cVCM", 109},
		{"OBS", obs, true, "96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1", "111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1", "actpass", "jBua", 0},
		{"GStreamer", gstreamer, true, "96 packetization-mode=1;profile-level-id=42c015;sprop-parameter-sets=Z0LAFdoFB+hAAAADAEAAAAwDxQuo,aM48gA==", "", "actpass", "abcdefgh", 0},
		{"DTLS client only", strings.ReplaceAll(obs, "actpass", "active"), true, "96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1", "111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1", "active", "jBua", 0},
		{"only packetization mode 0", strings.ReplaceAll(gstreamer, "packetization-mode=1;profile-level-id=42c015", "profile-level-id=640c1f"), true, "96 profile-level-id=640c1f;sprop-parameter-sets=Z0LAFdoFB+hAAAADAEAAAAwDxQuo,aM48gA==", "", "actpass", "abcdefgh", 0},
		{"rtcp-mux-only and a rejected section", strings.ReplaceAll(obs, "a=rtcp-mux", "a=rtcp-mux-only") + "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\n", true, "96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1", "111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1", "actpass", "jBua", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOffer(c.text, c.publishing)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range o.media {
				if m.rejected {
					continue
				}
				want := c.audio
				if m.kind == Video {
					want = c.video
					if m.rtx != c.rtx {
						t.Errorf("rtx: got %d, want %d", m.rtx, c.rtx)
					}
				}
				if got := fmt.Sprintf("%d %s", m.format.pt, m.format.fmtp); got != want {
					t.Errorf("%s: got %q, want %q", m.kind, got, want)
				}
			}
			if o.setup != c.setup || o.ice.ufrag != c.ufrag || (o.count(Audio) == 1) != (c.audio != "") {
				t.Errorf("got setup %s, ufrag %s, audio %v", o.setup, o.ice.ufrag, o.count(Audio) == 1)
			}
			checkAnswer(t, o, c.publishing)
		})
	}
}

// checkAnswer has another parser read the answer.
func checkAnswer(t testing.TB, o *offer, publishing bool) {
	t.Helper()
	a := answer{
		session: 7, ufrag: "abcdefgh", pwd: "abcdefghijklmnopqrstuvwx", setup: "passive", fingerprint: "sha-256 AB", publishing: publishing,
		candidates: []Candidate{{netip.MustParseAddr("192.0.2.1"), 7000, 7001}, {netip.MustParseAddr("2001:db8::1"), 7000, 0}},
	}
	text := a.write(o)
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(d.MediaDescriptions) != len(o.media) {
		t.Fatalf("got %d sections for %d", len(d.MediaDescriptions), len(o.media))
	}
	for i, m := range d.MediaDescriptions {
		if o.media[i].rejected {
			if m.MediaName.Port.Value != 0 {
				t.Error("a rejected section came to life")
			}
			continue
		}
		candidates := 0
		for _, at := range m.Attributes {
			if at.Key == "candidate" {
				candidates++
			}
			if strings.Contains(at.Value, "sprop-") {
				t.Errorf("the answer repeats %s", at.Value)
			}
		}
		if candidates != 3 {
			t.Errorf("section %d has %d candidates, want 3", i, candidates)
		}
		if _, ok := m.Attribute("end-of-candidates"); !ok {
			t.Errorf("section %d has no end-of-candidates", i)
		}
	}
}

func TestOffersThatAreRefused(t *testing.T) {
	good := offerText("sendonly")
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the offer", old)
		}
		return strings.ReplaceAll(good, old, new)
	}
	for name, c := range map[string]struct {
		text   string
		status int
		code   string
	}{
		"not SDP":                    {"{}", 400, codeMalformed},
		"no sections":                {"v=0\r\ns=-\r\n", 422, codeUnsupported},
		"too many lines":             {good + strings.Repeat("a=x\r\n", maxLines), 400, codeMalformed},
		"a line too long":            {good + "a=x:" + strings.Repeat("y", maxLineLength) + "\r\n", 400, codeMalformed},
		"too many candidates":        {good + strings.Repeat("a=candidate:1 1 udp 1 1.1.1.1 1 typ host\r\n", maxCandidates), 400, codeMalformed},
		"too many sections":          {good + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", maxSections), 422, codeUnsupported},
		"a bad candidate":            {good + "a=candidate:1 1 udp 99999999999 1.1.1.1 1 typ host\r\n", 400, codeMalformed},
		"no ufrag":                   {replace("a=ice-ufrag:cVCM\r\n", ""), 422, codeUnsupported},
		"short pwd":                  {replace("e0vtWbZbNRxVkHJvgRqRbAjk", "short"), 400, codeMalformed},
		"ufrag of other characters":  {replace("cVCM", "c CM"), 400, codeMalformed},
		"no fingerprint":             {replace("a=fingerprint:sha-256", "a=print:sha-256"), 422, codeUnsupported},
		"weak fingerprint":           {replace("sha-256", "sha-1"), 422, codeUnsupported},
		"broken fingerprint":         {replace("5C:6E", "5C:6"), 400, codeMalformed},
		"no setup":                   {replace("a=setup:actpass\r\n", ""), 422, codeUnsupported},
		"setup holdconn":             {replace("actpass", "holdconn"), 422, codeUnsupported},
		"no rtcp-mux":                {replace("a=rtcp-mux\r\n", ""), 422, codeUnsupported},
		"no bundle":                  {replace("a=group:BUNDLE 0 1\r\n", ""), 422, codeUnsupported},
		"half a bundle":              {replace("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0\r\n"), 422, codeUnsupported},
		"the same mid twice":         {replace("a=mid:1", "a=mid:0"), 400, codeMalformed},
		"plain RTP":                  {replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), 422, codeUnsupported},
		"ice-lite against ice-lite":  {replace("a=extmap-allow-mixed\r\n", "a=ice-lite\r\n"), 422, codeUnsupported},
		"receives only":              {replace("a=sendonly", "a=recvonly"), 422, codeUnsupported},
		"interleaved H.264":          {replace("packetization-mode=1", "packetization-mode=2;x=1"), 201, ""},
		"only odd profiles":          {strings.NewReplacer("42e01f", "f4001f", "42001f", "f4001f", "4d001f", "7a001f").Replace(good), 422, codeCodec},
		"one number for two formats": {replace(" 111 63", " 108 63"), 422, codeCodec},
		"all sections rejected":      {strings.ReplaceAll(good, " 9 UDP", " 0 UDP"), 422, codeUnsupported},
		"an extmap without a number": {replace("a=extmap:3 ", "a=extmap:x "), 400, codeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOffer(c.text, true)
			if c.status == 201 {
				if err != nil {
					t.Errorf("mode 0 is there as well, but: %v", err)
				}
				return
			}
			var r *Refusal
			if !errors.As(err, &r) || r.Status != c.status || r.Code != c.code {
				t.Fatalf("got %v (%+v), want %d %s", err, r, c.status, c.code)
			}
			if strings.Contains(r.Error(), "e0vtWb") {
				t.Error("the refusal repeats the password")
			}
		})
	}
}

// simulcastText is what Chromium offers with three encodings: it names no SSRC.
func simulcastText() string {
	return strings.Replace(offerText("sendonly"), "a=ssrc-group:FID 3312 3313\r\na=ssrc:3312 cname:x\r\na=ssrc:3313 cname:x\r\n",
		"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"+
			"a=rid:l send\r\na=rid:m send\r\na=rid:h send\r\na=simulcast:send l;m;h\r\n", 1)
}

func TestSimulcastIsLeftOutUnlessItIsTaken(t *testing.T) {
	o, err := parseOffer(simulcastText(), true)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{publishing: true, setup: "passive"}
	if got := a.write(o); strings.Contains(got, "rid") || strings.Contains(got, "simulcast") || strings.Contains(got, "rtx") {
		t.Errorf("the answer takes up simulcast:\n%s", got)
	}
	if o.layers() != 3 {
		t.Errorf("%d layers", o.layers())
	}
	o.takeSimulcast()
	got := a.write(o)
	for _, want := range []string{
		"a=rid:l recv\r\na=rid:m recv\r\na=rid:h recv\r\na=simulcast:recv l;m;h\r\n", "a=rtpmap:109 rtx/90000\r\n",
		"a=extmap:10 " + uriRID + "\r\n", "a=extmap:11 " + uriRepairedRID + "\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the answer:\n%s", want, got)
		}
	}
}

func TestWhichLayersAreTaken(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     string
	}{
		"alternatives: the first":        {"send l;m;h", "send l,h;m,l", "l m"},
		"paused ones":                    {"send l;m;h", "send ~l;m;~h", "l m h"},
		"what it would receive, too":     {"send l;m;h", "recv x send l;m", "l m"},
		"at most three":                  {"a=simulcast:send l;m;h", "a=rid:x send\r\na=simulcast:send l;m;h;x", "l m h"},
		"only those that are described":  {"a=rid:m send\r\n", "", "l h"},
		"those of another format":        {"a=rid:m send", "a=rid:m send max-width=640;pt=96,97", "l h"},
		"those of the chosen format":     {"a=rid:m send", "a=rid:m send pt=96,108;max-width=640", "l m h"},
		"one is no simulcast":            {"send l;m;h", "send h", ""},
		"received ones are none":         {"simulcast:send", "simulcast:recv", ""},
		"no header extension, no layers": {"a=extmap:10 ", "a=extmap:77 ", ""},
		"twice the same":                 {"send l;m;h", "send l;l;l", ""},
		"names that fit no header":       {"send l;m;h", "send l;m;aaaaaaaaaaaaaaaaa", "l m"},
	} {
		text := simulcastText()
		if text = strings.Replace(text, c.old, c.new, 1); !strings.Contains(simulcastText(), c.old) {
			t.Fatalf("%s: no %q in the offer", name, c.old)
		}
		o, err := parseOffer(text, true)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o.takeSimulcast()
		for _, m := range o.media {
			if got := strings.Join(m.layers, " "); m.kind == Video && got != c.want {
				t.Errorf("%s: got %q, want %q", name, got, c.want)
			}
		}
	}
}

func TestFragments(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ice  iceRemote
		bad  bool
	}{
		"as RFC 9725 has it": {"a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n", iceRemote{"EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"}, false},
		"credentials before": {goodFragment, iceRemote{"cVCM", "e0vtWbZbNRxVkHJvgRqRbAjk"}, false},
		"no credentials":     {"m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n", iceRemote{}, false},
		"an SDP":             {offerText("sendonly"), iceRemote{}, true},
		"no pwd":             {"a=ice-ufrag:abcd\r\n", iceRemote{}, true},
		"nothing":            {"", iceRemote{}, true},
	} {
		f, err := parseFragment(c.text)
		if (err != nil) != c.bad || f.ice != c.ice {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

func TestCandidatesOfBoundAddresses(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.candidates(); len(got) != 1 || got[0].IP != netip.MustParseAddr("127.0.0.1") || got[0].UDP == 0 || got[0].TCP == 0 {
		t.Errorf("bound to loopback: got %+v", got)
	}
	for _, a := range machineAddresses(false) {
		if a.IsLinkLocalUnicast() || a.IsUnspecified() {
			t.Errorf("%s is of no use to clients", a)
		}
	}
}

func FuzzOffer(f *testing.F) {
	for _, s := range []string{offerText("sendonly"), offerText("recvonly"), simulcastText(), obs, gstreamer, "v=0\r\nm=audio 9 x 1\r\n", ""} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, publishing bool) {
		o, err := parseOffer(text, publishing)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Status != 400 && r.Status != 422 {
				t.Fatalf("got %v", err)
			}
			return
		}
		// What is accepted can be answered, and the answer is an SDP of the same sections.
		if many, err := parseSlots(text); !publishing && len(o.mids()) == len(o.media) && (err != nil || len(many.media) != len(o.media)) {
			t.Fatalf("good for one participant, and for many: %v", err)
		}
		o.takeSimulcast()
		a := answer{session: 1, ufrag: "abcdefgh", pwd: "abcdefghijklmnopqrstuvwx", setup: "passive", fingerprint: "sha-256 AB", publishing: publishing}
		d, err := parseDescription(a.write(o), false)
		if err != nil {
			t.Fatalf("the answer is no SDP: %v", err)
		}
		if len(d.sections) != len(o.media) {
			t.Fatalf("got %d sections for %d", len(d.sections), len(o.media))
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add(goodFragment)
	f.Add("a=end-of-candidates\r\n")
	f.Add(offerText("sendonly"))
	f.Fuzz(func(t *testing.T, text string) {
		one, err := parseFragment(text)
		if err == nil && one.ice != (iceRemote{}) && one.ice.check() != nil {
			t.Fatalf("bad credentials were accepted: %+v", one.ice)
		}
	})
}
