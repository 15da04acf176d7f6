package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// askEngine calls /engine/v1 with the root key.
func askEngine(t *testing.T, e *enginetest.Engine, path string, out any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, e.URL+"/engine/v1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	key := aws.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.Secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "streamcat", e.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || json.Unmarshal(body, out) != nil {
		t.Fatalf("%s: %d %s, %v", path, resp.StatusCode, body, err)
	}
}

type health struct {
	StreamID    string `json:"streamId"`
	ViewerCount int64  `json:"viewerCount"`
	Advice      []struct {
		Code, Severity, Message, Remedy string
	}
}

func (h health) codes() (out []string) {
	for _, a := range h.Advice {
		out = append(out, a.Code)
	}
	return out
}

func TestTheCoachAdvisesAnEncoderWithItsDefaults(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	id := c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	// x264 by itself: B-frames, and a key frame each 250 pictures.
	startEncoder(t, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
		"-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-b:a", "128k",
		"-c:v", "libx264", "-preset", "superfast", "-bf", "3", "-pix_fmt", "yuv420p", "-f", "flv", c.PublishURL)
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	var h health
	eventually(t, time.Minute, "advice", func() bool {
		askEngine(t, e, "channels/"+id+"/health", &h)
		return len(h.Advice) >= 2
	})
	if got := strings.Join(h.codes(), " "); got != "LongKeyframeInterval BFrames" {
		t.Errorf("advises %s: %+v", got, h.Advice)
	}
	if h.Advice[0].Remedy != "ffmpeg: -g 50" || !strings.Contains(h.Advice[0].Message, "10.0 s apart") {
		t.Errorf("%+v", h.Advice[0])
	}
	session, err := ivs.NewFromConfig(e.AWS()).GetStreamSession(t.Context(), &ivs.GetStreamSessionInput{ChannelArn: &c.ARN})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, v := range session.StreamSession.TruncatedEvents {
		told[aws.ToString(v.Name)+" "+aws.ToString(v.Code)]++
	}
	if told["StreamCat Advice Start BFrames"] != 1 {
		t.Errorf("told %v", told)
	}
	var m struct {
		Timestamps []time.Time
		Metrics    []struct {
			Name   string
			Values []*float64
		}
	}
	eventually(t, 30*time.Second, "a history", func() bool {
		askEngine(t, e, "channels/"+id+"/sessions/"+h.StreamID+"/metrics", &m)
		return len(m.Timestamps) >= 3
	})
	for _, row := range m.Metrics {
		if v := row.Values[1]; row.Name == "IngestFramerate" && (*v < 15 || *v > 35) || row.Name == "IngestVideoBitrate" && *v < 10_000 {
			t.Errorf("%s is %v", row.Name, *v)
		}
	}
}

// crowd is viewers who come and go, and what is known of when.
type crowd struct {
	mu      sync.Mutex
	viewers []*attendance
}

// attendance is one viewer's stay.
type attendance struct {
	kind    string
	counted time.Time // when its first playlist was answered, or later
	stopped time.Time // when it began to leave; zero: it is there
	left    time.Time // when its last request was over
	stays   time.Duration
}

// bounds gives how many must be counted between two times, and how many may be. slack is for a busy machine.
func (c *crowd) bounds(from, to time.Time, slack time.Duration) (least, most int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.viewers {
		if !v.counted.IsZero() && v.counted.Add(slack).Before(from) && (v.stopped.IsZero() || v.stopped.After(to)) {
			least++
		}
		if v.left.IsZero() || v.left.Add(v.stays+slack).After(from) {
			most++
		}
	}
	return least, most
}

// The promised seconds: those of the kind of player, and one until the number is brought up to date.
var lasts = map[string]time.Duration{"low latency": 4 * time.Second, "closes its tab": 2 * time.Second, "plain": 13 * time.Second, "reload storm": 13 * time.Second}

// attend is one viewer, who comes, watches for a while and goes.
func (c *crowd) attend(t *testing.T, kind, playback string, stay time.Duration) {
	v := &attendance{kind: kind, stays: lasts[kind]}
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	client := &http.Client{Transport: &http.Transport{}} // with connections of its own
	defer client.CloseIdleConnections()
	get := func(address string) (string, bool) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			t.Error(err)
			return "", false
		}
		resp, err := client.Do(r)
		if err != nil {
			return "", false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err == nil && resp.StatusCode == 200
	}
	master, ok := get(playback)
	if !ok {
		t.Errorf("%s: no multivariant playlist", kind)
		return
	}
	var media string
	for line := range strings.Lines(master) {
		if line[0] != '#' {
			base, _ := url.Parse(playback)
			at, err := base.Parse(strings.TrimSpace(line))
			if err != nil {
				t.Error(err)
				return
			}
			media = at.String()
			break
		}
	}
	c.mu.Lock()
	c.viewers = append(c.viewers, v)
	c.mu.Unlock()
	end := time.NewTimer(stay)
	defer end.Stop()
	pause := map[string]time.Duration{"plain": 4 * time.Second, "reload storm": 20 * time.Millisecond}[kind]
	address := media
	for there := true; there; {
		asked := make(chan string, 1)
		go func() {
			body, _ := get(address)
			asked <- body
		}()
		var body string
		select {
		case body = <-asked:
		case <-end.C:
			there = false
			c.mu.Lock()
			v.stopped = time.Now()
			c.mu.Unlock()
			if kind == "closes its tab" {
				hangUp()
			}
			<-asked
		}
		if !there {
			break
		}
		c.mu.Lock()
		if v.counted.IsZero() {
			v.counted = time.Now()
		}
		c.mu.Unlock()
		if pause == 0 {
			msn, parts := edge(body)
			address = fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", media, msn, parts)
			continue
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-end.C:
			next.Stop()
			there = false
			c.mu.Lock()
			v.stopped = time.Now()
			c.mu.Unlock()
		}
	}
	c.mu.Lock()
	v.left = time.Now()
	c.mu.Unlock()
}

// edge reads from a playlist which part comes next.
func edge(body string) (msn, part int) {
	for line := range strings.Lines(body) {
		if n, ok := strings.CutPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"); ok {
			fmt.Sscan(n, &msn)
		}
		switch {
		case strings.HasPrefix(line, "#EXTINF"):
			msn, part = msn+1, 0
		case strings.HasPrefix(line, "#EXT-X-PART:"):
			part++
		}
	}
	return msn, part
}

func TestTheCountOfViewersIsTheTruth(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	id := c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	ffmpeg(t, c.PublishURL, picture{size: "320x180", rate: "15", gop: "30"})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	fetch(t, c.PlaybackURL, 200)

	random := rand.New(rand.NewPCG(5, 5))
	var people crowd
	var around sync.WaitGroup
	kinds := []string{"low latency", "closes its tab", "plain", "reload storm"}
	const slack = 2 * time.Second
	client, most, looks := ivs.NewFromConfig(e.AWS()), int64(0), 0
	look := func() int64 {
		t.Helper()
		from := time.Now()
		s, err := client.GetStream(t.Context(), &ivs.GetStreamInput{ChannelArn: &c.ARN})
		if err != nil {
			t.Fatal(err)
		}
		var h health
		askEngine(t, e, "channels/"+id+"/health", &h)
		least, atMost := people.bounds(from, time.Now(), slack)
		for name, n := range map[string]int64{"GetStream": s.Stream.ViewerCount, "/engine/v1": h.ViewerCount} {
			if n < least || n > atMost {
				t.Errorf("%s counts %d viewers; there are %d to %d", name, n, least, atMost)
			}
		}
		looks++
		most = max(most, s.Stream.ViewerCount)
		return s.Stream.ViewerCount
	}
	come := time.NewTicker(400 * time.Millisecond)
	defer come.Stop()
	for i := range 75 { // half a minute
		<-come.C
		if i < 60 && random.IntN(2) == 0 {
			kind, stay := kinds[random.IntN(len(kinds))], time.Duration(500+random.IntN(8000))*time.Millisecond
			around.Go(func() { people.attend(t, kind, c.PlaybackURL, stay) })
		}
		look()
	}
	around.Wait()
	eventually(t, 13*time.Second+slack, "nobody is counted", func() bool { return look() == 0 })
	if most < 5 || looks < 75 {
		t.Errorf("never more than %d viewers in %d looks: this shows nothing", most, looks)
	}
}
