package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
)

// keyed finds channels by a key, and fails for the key "down".
type keyed map[string]Spec

func (k keyed) ByStreamKey(_ context.Context, key string) (Spec, error) {
	if key == "down" {
		return Spec{}, fmt.Errorf("the disk is full")
	}
	spec, ok := k[key]
	if !ok {
		return Spec{}, fault.Missing("no channel has this stream key")
	}
	return spec, nil
}

func (k keyed) Channel(context.Context, string) (Spec, error) {
	return Spec{}, fault.Missing("not asked for here")
}

func newConfigurator(log *strings.Builder) *Configurator {
	all := Multitrack{Allowed: true, MaxLines: 1080}
	return &Configurator{
		Directory: keyed{
			"standard": {Type: "STANDARD", Multitrack: all},
			"required": {Type: "STANDARD", Multitrack: Multitrack{Allowed: true, Required: true, MaxLines: 1080}},
			"hd":       {Type: "STANDARD", Multitrack: Multitrack{Allowed: true, MaxLines: 720}},
			"plain":    {Type: "STANDARD"},
			"basic":    {Type: "BASIC"},
			"advanced": {Type: "ADVANCED_HD"},
			"open":     {Type: "BASIC", InsecureIngest: true},
		},
		Endpoints: []IngestEndpoint{{"RTMPS", "rtmps://live.example:443/app/{stream_key}"}, {"RTMP", "rtmp://live.example/app/{stream_key}"}},
		Log:       slog.New(slog.NewTextHandler(log, nil)), EnforceSecureIngest: true,
	}
}

// ask posts a request and gives the answer, which is always JSON.
func ask(t testing.TB, c *Configurator, body string) (*configuration, *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, ConfigurationPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	var out configuration
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%d: %v in %s", w.Code, err, w.Body)
	}
	return &out, w
}

func TestWhatEncodersAreToldToSend(t *testing.T) {
	for _, c := range []struct {
		name, key, preferences, more string
		want                         []string // size, frame rate, kbit/s
		result                       string
	}{
		{
			"a ladder up to the source", "standard", `"width":1920,"height":1080,"framerate":{"numerator":30,"denominator":1}`, "",
			[]string{"1920x1080 30/1 4800", "1280x720 30/1 2000", "854x480 30/1 900", "640x360 30/1 450", "284x160 30/1 150"},
			"success",
		},
		{
			"nothing said", "standard", ``, "",
			[]string{"1920x1080 30/1 4800", "1280x720 30/1 2000", "854x480 30/1 900", "640x360 30/1 450", "284x160 30/1 150"},
			"success",
		},
		{
			"sixty pictures per second, half of them where it is small", "standard", `"width":1280,"height":720,"framerate":{"numerator":60000,"denominator":1001}`, "",
			[]string{"1280x720 60000/1001 3500", "854x480 60000/1001 900", "640x360 60000/2002 450", "284x160 60000/2002 150"},
			"success",
		},
		{
			"never more than sixty", "standard", `"width":640,"height":360,"framerate":{"numerator":120,"denominator":1}`, "",
			[]string{"640x360 120/4 800", "284x160 120/4 150"},
			"success",
		},
		{
			"three tracks", "standard", `"maximum_video_tracks":3`, "",
			[]string{"1920x1080 30/1 4800", "1280x720 30/1 2000", "854x480 30/1 900"},
			"success",
		},
		{"two tracks", "standard", `"maximum_video_tracks":2`, "", []string{"1920x1080 30/1 4800", "854x480 30/1 900"}, "success"},
		{"one track", "standard", `"maximum_video_tracks":1`, "", []string{"1920x1080 30/1 6000"}, "success"},
		{"little bandwidth", "standard", `"maximum_streaming_bandwidth":6000`, "", []string{"1920x1080 30/1 4800", "854x480 30/1 900"}, "success"},
		{"the same by another name", "standard", `"maximum_aggregate_bitrate":3000`, "", []string{"1920x1080 30/1 2840"}, "success"},
		{
			"the channel's limit", "hd", `"width":1920,"height":1080`, "",
			[]string{"1280x720 30/1 3500", "854x480 30/1 900", "640x360 30/1 450", "284x160 30/1 150"},
			"success",
		},
		{
			"a canvas larger than is taken", "standard", `"canvas_width":3840,"canvas_height":2160,"maximum_video_tracks":2`, "",
			[]string{"1920x1080 30/1 4800", "854x480 30/1 900"},
			"success",
		},
		{"upright", "standard", `"width":720,"height":1280,"maximum_video_tracks":2`, "", []string{"720x1280 30/1 3500", "480x854 30/1 900"}, "success"},
		{"no multitrack", "plain", `"width":1920,"height":1080`, "", []string{"1920x1080 30/1 6000"}, "warning"},
		{"no multitrack, and none wanted", "plain", `"maximum_video_tracks":1`, "", []string{"1920x1080 30/1 6000"}, "success"},
		{"BASIC", "basic", `"width":1920,"height":1080,"maximum_video_tracks":1`, "", []string{"1920x1080 30/1 3340"}, "success"},
		{"BASIC, small", "basic", `"width":854,"height":480,"maximum_video_tracks":1`, "", []string{"854x480 30/1 1340"}, "success"},
		{"ADVANCED", "advanced", `"width":1280,"height":720,"maximum_video_tracks":1`, "", []string{"1280x720 30/1 4500"}, "success"},
		{
			"members that nobody knows", "basic", `"maximum_video_tracks":1,"width":1280,"height":720,"colour":"blue"`, `"service":"IVS","schema_version":"2025-01-25","capabilities":{"cpu":{"cores":8}}`,
			[]string{"1280x720 30/1 3340"},
			"success",
		},
		{"too little for anything", "standard", `"maximum_aggregate_bitrate":200`, "", nil, "error"},
		{"one track where several are required", "required", `"maximum_video_tracks":1`, "", nil, "error"},
		{"no room for several where they are required", "required", `"maximum_aggregate_bitrate":3000`, "", nil, "error"},
		{"an unknown key", "sk_nobody", ``, "", nil, "error"},
		{"no key", "", ``, "", nil, "error"},
		{"a database that is down", "down", ``, "", nil, "error"},
		{"codecs that nobody takes", "standard", ``, `"client":{"supported_codecs":["vp9"]}`, nil, "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			body := fmt.Sprintf(`{"authentication":%q,"preferences":{%s}`, c.key, c.preferences)
			if c.more != "" {
				body += "," + c.more
			}
			out, w := ask(t, newConfigurator(&log), body+"}")
			var got []string
			for _, e := range out.Encoders {
				got = append(got, fmt.Sprintf("%dx%d %d/%d %d", e.Width, e.Height, e.Framerate.Numerator, e.Framerate.Denominator, e.Settings.Bitrate))
				if e.Settings.KeyInterval != 2 || e.Settings.BFrames != 0 || e.Type == "" {
					t.Errorf("%+v", e)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || w.Code != 200 {
				t.Errorf("%d %s", w.Code, diff)
			}
			if out.Status.Result != c.result || (out.Status.Text == "") != (c.result == "success") {
				t.Errorf("status %+v, want %s", out.Status, c.result)
			}
			if c.result != "error" && (len(out.Audio.Live) != 1 || len(out.Endpoints) != 1 || out.Endpoints[0].Template != "rtmps://live.example:443/app/{stream_key}") {
				t.Errorf("sound %+v, endpoints %+v", out.Audio, out.Endpoints)
			}
			if c.key != "" && c.key != "basic" && c.key != "standard" && (strings.Contains(log.String(), `"`+c.key) || strings.Contains(w.Body.String(), `"`+c.key+`"`)) {
				t.Error("the key is repeated")
			}
		})
	}
}

func TestALadderStaysWithinItsLimits(t *testing.T) {
	for kbps := 200; kbps <= 9000; kbps += 37 {
		for lines := 90; lines <= 1080; lines += 33 {
			for tracks := 1; tracks <= MaxRenditions; tracks++ {
				list := ladder(wishes{lines, tracks, kbps})
				sum := soundKbps
				for i, r := range list {
					if sum += r.kbps; i > 0 && r.lines >= list[i-1].lines {
						t.Fatalf("%v is not in order", list)
					}
				}
				if sum > kbps && len(list) > 0 || len(list) > tracks || len(list) > 0 && list[0].lines != lines {
					t.Fatalf("%d lines, %d tracks, %d kbit/s: %v", lines, tracks, kbps, list)
				}
			}
		}
	}
}

func TestTheEncoderThatAClientHas(t *testing.T) {
	for _, c := range []struct{ codecs, gpu, want string }{
		{`["h264","hevc","av1"]`, ``, "obs_x264"},
		{`["h264"]`, `{"vendor_id":4318,"model":"x"}`, "obs_nvenc_h264_tex"},
		{`["H264"]`, `{"vendor_id":4098}`, "h264_texture_amf"},
		{`["hevc"]`, `{"vendor_id":1},{"vendor_id":32902}`, "obs_qsv11_hevc"},
		{`["av1"]`, ``, "ffmpeg_svt_av1"},
	} {
		out, _ := ask(t, newConfigurator(&strings.Builder{}), fmt.Sprintf(`{"authentication":"standard","client":{"supported_codecs":%s},"capabilities":{"gpu":[%s]}}`, c.codecs, c.gpu))
		if len(out.Encoders) == 0 || out.Encoders[0].Type != c.want {
			t.Errorf("%s on %s: %+v", c.codecs, c.gpu, out.Encoders)
		}
	}
}

func TestEndpointsInClearAreForThoseWhoMay(t *testing.T) {
	c := newConfigurator(&strings.Builder{})
	if out, _ := ask(t, c, `{"authentication":"open"}`); len(out.Endpoints) != 2 {
		t.Errorf("%+v", out.Endpoints)
	}
	c.Endpoints = c.Endpoints[1:]
	if out, _ := ask(t, c, `{"authentication":"basic"}`); out.Status.Result != "error" || len(out.Endpoints) != 0 {
		t.Errorf("%+v", out)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"no JSON":                   {`{"authentication":`, 400},
		"a list":                    {`[]`, 400},
		"a key that is a number":    {`{"authentication":7}`, 400},
		"a picture without end":     {`{"preferences":{"width":1e9}}`, 400},
		"a negative edge":           {`{"preferences":{"canvas_height":-1}}`, 400},
		"a negative maximum":        {`{"preferences":{"maximum_video_tracks":-1}}`, 400},
		"no pictures per second":    {`{"preferences":{"framerate":{"numerator":0,"denominator":1}}}`, 400},
		"pictures per zero seconds": {`{"preferences":{"framerate":{"numerator":30,"denominator":0}}}`, 400},
		"an endless key":            {`{"authentication":"` + strings.Repeat("k", 300) + `"}`, 400},
		"an endless request":        {`{"x":"` + strings.Repeat("k", maxConfigurationBody) + `"}`, 413},
	} {
		out, w := ask(t, newConfigurator(&strings.Builder{}), c.body)
		if w.Code != c.status || out.Status.Result != "error" || out.Status.Text == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, ConfigurationPath, nil)
	w := httptest.NewRecorder()
	if newConfigurator(&strings.Builder{}).ServeHTTP(w, r); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestAnAddressThatAsksTooOftenWaits(t *testing.T) {
	c, now := newConfigurator(&strings.Builder{}), time.Now()
	c.Now = func() time.Time { return now }
	for range askAtOnce {
		if _, w := ask(t, c, `{"authentication":"guess"}`); w.Code != 200 {
			t.Fatalf("%d", w.Code)
		}
	}
	if _, w := ask(t, c, `{"authentication":"standard"}`); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d", w.Code)
	}
	now = now.Add(askAgain)
	if _, w := ask(t, c, `{"authentication":"standard"}`); w.Code != 200 {
		t.Errorf("a moment later: %d", w.Code)
	}
}

func FuzzClientConfiguration(f *testing.F) {
	for _, s := range []string{
		`{"authentication":"standard","preferences":{"width":1920,"height":1080,"framerate":{"numerator":60,"denominator":1},"maximum_video_tracks":5,"vod_track_audio":true}}`,
		`{"authentication":"required","client":{"supported_codecs":["av1"]},"capabilities":{"gpu":[{"vendor_id":4318}]}}`,
		`{"authentication":"basic","preferences":{"maximum_streaming_bandwidth":400,"canvas_width":16,"canvas_height":128}}`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := parseConfigurationRequest(body)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		c := newConfigurator(&strings.Builder{})
		for key := range c.Directory.(keyed) {
			in.Authentication = key
			out := c.configure(t.Context(), in, c.from(httptest.NewRequest(http.MethodPost, "/", nil)))
			if _, err := json.Marshal(out); err != nil {
				t.Fatal(err)
			}
			if (out.Status.Result == "error") != (len(out.Encoders) == 0) {
				t.Fatalf("%+v", out)
			}
			sum := soundKbps
			for _, e := range out.Encoders {
				sum += e.Settings.Bitrate
				if e.Width%2 != 0 || e.Height%2 != 0 || min(e.Width, e.Height) > 1080 || e.Settings.Bitrate < leastKbps || e.Framerate.Numerator > 60*e.Framerate.Denominator {
					t.Fatalf("%+v", e)
				}
			}
			if sum > maxBitrate/1000 {
				t.Fatalf("%d kbit/s", sum)
			}
		}
	})
}
