package hlscheck

import (
	"fmt"
	"strings"
	"testing"
)

const head = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.05,HOLD-BACK=12.0
#EXT-X-PART-INF:PART-TARGET=0.35
`

// list writes a sound playlist: complete segments from..to of 1 s, and an open one with parts. Segment 5
// begins a second session.
func list(from, to, parts int) string {
	var b strings.Builder
	b.WriteString(head)
	cc := 7
	if from > 5 {
		cc++
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", from, cc)
	for n := from; n <= to+1; n++ {
		if n > to && parts == 0 {
			break
		}
		if n == 5 {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if n == 5 || n == from {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"i%d.mp4\"\n", min(n/5, 1))
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T18:30:%02d.000Z\n", n)
		count := 3
		if n > to {
			count = parts
		}
		for i := range count {
			duration := "0.33000"
			if i == 2 {
				duration = "0.34000"
			}
			independent := ""
			if i == 0 {
				independent = ",INDEPENDENT=YES"
			}
			fmt.Fprintf(&b, "#EXT-X-PART:DURATION=%s,URI=\"p%d.m4s\"%s\n", duration, 3*n+i, independent)
		}
		if n <= to {
			fmt.Fprintf(&b, "#EXTINF:1.00000,\ns%d.m4s\n", n)
		}
	}
	fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p%d.m4s\"\n", 3*(to+1)+parts)
	return b.String()
}

func TestSoundPlaylistsPass(t *testing.T) {
	c := New()
	for to := 3; to < 20; to++ {
		for parts := range 3 {
			if faults := c.Playlist(list(max(0, to-11), to, parts)); len(faults) > 0 {
				t.Fatalf("%d, %d: %q\n%s", to, parts, faults, list(max(0, to-11), to, parts))
			}
		}
	}
	msn, part := c.Last().End()
	if msn != 20 || part != 2 {
		t.Errorf("the end is %d.%d", msn, part)
	}
}

func TestBrokenPlaylistsAreFound(t *testing.T) {
	for _, c := range []struct{ old, new, fault string }{
		{"#EXTM3U\n", "", "first line"},
		{"#EXT-X-VERSION:6\n", "#EXT-X-VERSION:4\n", "needs version 6"},
		{"#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n", "stands twice"},
		{"#EXT-X-TARGETDURATION:4\n", "", "EXT-X-TARGETDURATION is missing"},
		{"#EXT-X-TARGETDURATION:4", "#EXT-X-TARGETDURATION:4.0", "no number"},
		{"PART-TARGET=0.35", "PART-TARGET=0.30", "longer than PART-TARGET"},
		{"PART-TARGET=0.35", "PART-TARGET=0.39", "less than 85 %"},
		{"#EXT-X-PART-INF:PART-TARGET=0.35\n", "", "EXT-X-PART-INF is missing"},
		{"CAN-BLOCK-RELOAD=YES,", "", "CAN-BLOCK-RELOAD"},
		{"PART-HOLD-BACK=1.05", "PART-HOLD-BACK=1.0", "three part targets"},
		{"HOLD-BACK=12.0", "HOLD-BACK=8.0", "three target durations"},
		{"DISCONTINUITY-SEQUENCE:7", "DISCONTINUITY-SEQUENCE:7000000", "is large"},
		{"HOLD-BACK=12.0", "HOLD-BACK=12.0,CAN-SKIP-UNTIL=12.0", "six target durations"},
		{"HOLD-BACK=12.0", "HOLD-BACK=12.0,", "broken attribute list"},
		{`URI="p9.m4s"`, `URI=p9.m4s`, "no quoted string"},
		{`URI="p9.m4s"`, `URI="p9.m4s`, "quote without end"},
		{"INDEPENDENT=YES", "INDEPENDENT=NO", "neither YES nor absent"},
		{"#EXTINF:1.00000,", "#EXTINF:4.60000,", "longer than the target duration"},
		{"#EXTINF:1.00000,", "#EXTINF:1.00000", "without a comma"},
		{"#EXTINF:1.00000,", "#EXTINF:1.10000,", "but its parts"},
		{"s3.m4s\n", "", "EXTINF without a URI"},
		{"#EXTINF:1.00000,\ns3.m4s\n", "s3.m4s\n", "a URI without EXTINF"},
		{"#EXT-X-MAP:URI=\"i0.mp4\"\n", "", "no EXT-X-MAP"},
		{"#EXT-X-DISCONTINUITY\n", "", "without a discontinuity"},
		{"#EXT-X-PROGRAM-DATE-TIME:2026-11-20T18:30:03.000Z\n", "", "has no date"},
		{"18:30:03.000Z", "18:30:03.500Z", "off the end of the one before"},
		{"18:30:05.000Z", "18:30:01.000Z", "before its predecessor"},
		{"p10.m4s", "p9.m4s", "stands in 3.0 and in 3.1"},
		{"#EXTINF", "#EXT-X-GAP\n#EXT-X-GAP\n#EXTINF", "EXT-X-GAP stands twice"},
		{"#EXT-X-PRELOAD-HINT:TYPE=PART", "#EXT-X-PRELOAD-HINT:TYPE=MAP", "hint of type"},
		{"#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT", "ended playlist hints"},
		{"#EXT-X-PRELOAD-HINT", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-PRELOAD-HINT", "delta updates"},
		{"#EXT-X-PRELOAD-HINT", "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T18:30:09.000Z\n#EXT-X-PRELOAD-HINT", "stands twice"},
	} {
		sound := list(0, 6, 2)
		text := strings.Replace(sound, c.old, c.new, 1)
		if text == sound {
			t.Errorf("%q is not in the playlist", c.old)
		}
		faults := New().Playlist(text)
		if !strings.Contains(strings.Join(faults, "\n"), c.fault) {
			t.Errorf("%q → %q: found %q, not %q", c.old, c.new, faults, c.fault)
		}
	}
	t.Run("parts of old segments", func(t *testing.T) {
		if faults := New().Playlist(list(0, 14, 1)); !strings.Contains(strings.Join(faults, "\n"), "still lists its parts") {
			t.Errorf("found %q", faults)
		}
	})
	t.Run("no parts of new segments", func(t *testing.T) {
		text := strings.Replace(list(0, 4, 0), "#EXT-X-PART:DURATION=0.33000,URI=\"p6.m4s\",INDEPENDENT=YES\n"+
			"#EXT-X-PART:DURATION=0.33000,URI=\"p7.m4s\"\n#EXT-X-PART:DURATION=0.34000,URI=\"p8.m4s\"\n", "", 1)
		if faults := New().Playlist(text); !strings.Contains(strings.Join(faults, "\n"), "does not list its parts") {
			t.Errorf("found %q", faults)
		}
	})
	t.Run("nothing after the last segment", func(t *testing.T) {
		text := strings.Replace(list(0, 8, 0), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p27.m4s\"\n", "", 1)
		if faults := New().Playlist(text); !strings.Contains(strings.Join(faults, "\n"), "nothing follows") {
			t.Errorf("found %q", faults)
		}
	})
	t.Run("nothing in it", func(t *testing.T) {
		if faults := New().Playlist(head + "#EXT-X-MEDIA-SEQUENCE:1\n"); !strings.Contains(strings.Join(faults, "\n"), "neither segment nor part") {
			t.Errorf("found %q", faults)
		}
	})
}

func TestBrokenSuccessionsAreFound(t *testing.T) {
	swap := strings.NewReplacer
	for name, c := range map[string]struct{ first, second, fault string }{
		"media sequence back":         {list(2, 14, 0), list(1, 13, 0), "went back"},
		"end back":                    {list(0, 8, 2), list(0, 8, 1), "the end went back"},
		"segment renamed":             {list(0, 8, 0), swap("s3.m4s", "x.m4s").Replace(list(0, 8, 1)), "segment 3 changed"},
		"segment longer":              {list(0, 8, 0), swap("#EXTINF:1.00000,\ns3.m4s", "#EXTINF:1.00010,\ns3.m4s").Replace(list(0, 8, 1)), "segment 3 changed"},
		"part renamed":                {list(0, 8, 1), swap(`"p27.m4s"`, `"x.m4s"`).Replace(list(0, 8, 2)), "part 0 of segment 9 changed"},
		"part independent later":      {list(0, 8, 2), swap("\"p28.m4s\"\n", "\"p28.m4s\",INDEPENDENT=YES\n").Replace(list(0, 9, 0)), "part 1 of segment 9 changed"},
		"date changed":                {list(8, 20, 0), swap("18:30:1", "18:29:1").Replace(list(8, 20, 0)), "map or date"},
		"target changed":              {list(0, 8, 0), swap("DURATION:4", "DURATION:5", "HOLD-BACK=12.0", "HOLD-BACK=15.0").Replace(list(0, 8, 0)), "target durations changed"},
		"too much removed":            {list(0, 12, 0), list(4, 12, 0), "only 9.00 s are left"},
		"hint broken":                 {list(0, 8, 1), swap(`"p28.m4s"`, `"x.m4s"`).Replace(list(0, 8, 2)), "was hinted at"},
		"hint changed":                {list(0, 8, 1), swap(`"p28.m4s"`, `"x.m4s"`).Replace(list(0, 8, 1)), "the hint changed"},
		"grown after the end":         {swap("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p27.m4s\"", "#EXT-X-ENDLIST").Replace(list(0, 8, 0)), list(0, 9, 0), "grew after"},
		"discontinuity number back":   {list(6, 18, 0), swap("DISCONTINUITY-SEQUENCE:8", "DISCONTINUITY-SEQUENCE:7").Replace(list(6, 18, 0)), "went back"},
		"discontinuity number stays":  {list(5, 17, 0), swap("DISCONTINUITY-SEQUENCE:8", "DISCONTINUITY-SEQUENCE:7").Replace(list(6, 18, 0)), "changed its discontinuity"},
		"name used twice":             {list(0, 8, 0), swap(`"p27.m4s"`, `"p24.m4s"`).Replace(list(0, 8, 1)), "stands in 8.0 and in 9.0"},
		"restart with the old number": {list(6, 18, 0), list(30, 42, 0), "no new discontinuity sequence number"},
	} {
		check := New()
		check.Playlist(c.first)
		faults := check.Playlist(c.second)
		if !strings.Contains(strings.Join(faults, "\n"), c.fault) {
			t.Errorf("%s: found %q, not %q", name, faults, c.fault)
		}
	}
}

func TestDateRanges(t *testing.T) {
	const mark = "#EXT-X-DISCONTINUITY-SEQUENCE"
	with := func(text string, ranges ...string) string {
		for _, r := range ranges {
			text = strings.Replace(text, mark, "#EXT-X-DATERANGE:"+r+"\n"+mark, 1)
		}
		return text
	}
	const running = `ID="a",CLASS="x",START-DATE="2026-11-20T18:30:04.500Z",PLANNED-DURATION=2.0,X-NOTE="y",X-N=1`
	const over = running + ",DURATION=2.0"
	for name, c := range map[string]struct{ first, second, fault string }{
		"runs and ends":        {with(list(0, 8, 0), running), with(list(0, 9, 0), over), ""},
		"is gone in time":      {with(list(6, 18, 0), over), list(7, 19, 0), ""},
		"is gone too early":    {with(list(0, 8, 0), running), list(0, 9, 0), "is gone, though"},
		"stays too long":       {list(7, 19, 0), with(list(7, 19, 1), over), "ended before the first segment"},
		"changes":              {with(list(0, 8, 0), running), with(list(0, 9, 0), strings.Replace(running, "y", "z", 1)), "changed its X-NOTE"},
		"forgets":              {with(list(0, 8, 0), over), with(list(0, 9, 0), running), "changed its DURATION"},
		"stands twice":         {list(0, 8, 0), with(list(0, 8, 0), running, over), "stands twice"},
		"has no id":            {list(0, 8, 0), with(list(0, 8, 0), `START-DATE="2026-11-20T18:30:04.500Z"`), "ID is no quoted string"},
		"has no start":         {list(0, 8, 0), with(list(0, 8, 0), `ID="a"`), "when it starts"},
		"has a broken start":   {list(0, 8, 0), with(list(0, 8, 0), `ID="a",START-DATE="today"`), "is no date"},
		"has a broken length":  {list(0, 8, 0), with(list(0, 8, 0), running+",DURATION=-1"), "no decimal number"},
		"has unknown members":  {list(0, 8, 0), with(list(0, 8, 0), running+`,COLOR="red"`), "no attribute COLOR"},
		"has a broken members": {list(0, 8, 0), with(list(0, 8, 0), running+`,X-COLOR=red`), "neither a string nor a number"},
	} {
		check := New()
		faults := append(check.Playlist(c.first), check.Playlist(c.second)...)
		if all := strings.Join(faults, "\n"); c.fault == "" && all != "" || !strings.Contains(all, c.fault) {
			t.Errorf("%s: found %q, not %q", name, faults, c.fault)
		}
	}
}

func TestMultivariant(t *testing.T) {
	const sound = "#EXTM3U\n#EXT-X-VERSION:6\n" +
		"#EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=5000000,CODECS=\"avc1.42c028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=29.970\nav.m3u8?token=x\n"
	variants, faults := Multivariant(sound)
	if len(faults) > 0 || len(variants) != 1 || variants[0] != "av.m3u8?token=x" {
		t.Errorf("%q, %q", variants, faults)
	}
	for _, c := range []struct{ old, new string }{
		{"#EXTM3U\n", ""},
		{"BANDWIDTH=6000000,", ""},
		{"AVERAGE-BANDWIDTH=5000000", "AVERAGE-BANDWIDTH=7000000"},
		{"avc1.42c028", "avc1"},
		{"1920x1080", "0x0"},
		{"29.970", "29.97"},
		{"av.m3u8?token=x\n", ""},
		{"av.m3u8", "#EXT-X-A\nav.m3u8"},
	} {
		if _, faults := Multivariant(strings.Replace(sound, c.old, c.new, 1)); len(faults) == 0 {
			t.Errorf("%q → %q: nothing found", c.old, c.new)
		}
	}
}
