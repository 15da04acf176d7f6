package hls

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestCarryQuery(t *testing.T) {
	for _, c := range []struct{ address, query, want string }{
		{"av.m3u8", "", "av.m3u8"},
		{"av.m3u8", "token=a.b", "av.m3u8?token=a.b"},
		{"av.m3u8", "_HLS_msn=1&token=a%20b&_HLS_part=2&x", "av.m3u8?token=a%20b&x"},
		{"av.m3u8", "_HLS_msn=1", "av.m3u8"},
		{"av.m3u8", "%5FHLS_msn=1&a=%zz", "av.m3u8"},
		{"av.m3u8?s=own", "token=a.b", "av.m3u8?s=own"},
	} {
		if got := carryQuery(c.address, c.query); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.address, c.query, got, c.want)
		}
	}
}

func TestUsualDirectivesAreReadWithoutAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if d, err := parseDirectives("s=abcdef&_HLS_msn=111895200&_HLS_part=3"); err != nil || d.part != 3 {
			t.Fatal(d, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDirectives holds the parser to net/url's reading of a query.
func FuzzDirectives(f *testing.F) {
	for _, q := range []string{
		"", "_HLS_msn=1", "_HLS_msn=1&_HLS_part=2", "_HLS_part=2", "a=b&_HLS_msn=1&_HLS_msn=2", "_HLS_msn=%31", "%5fHLS_msn=7",
		"_HLS_msn", "_HLS_msn=", "_HLS_msn=1;_HLS_part=2", "_HLS_msn=1&_HLS_part=%zz", "_HLS_msn=+1", "_HLS_msn=-1", "&&=&", "_HLS_msn=1&_HLS_skip=YES",
		"_HLS_msn=18446744073709551615", "_HLS_part=4294967296&_HLS_msn=0", "=_HLS_msn", "_HLS_msn=0x1", "_HLS_msn=1_0",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := parseDirectives(query)
		values, _ := url.ParseQuery(query) // what is broken is left out
		want, wrong := directives{part: -1}, false
		if values.Has("_HLS_msn") {
			n, e := strconv.ParseUint(values.Get("_HLS_msn"), 10, 63)
			want.msn, want.blocking, wrong = n, true, e != nil
		}
		if values.Has("_HLS_part") {
			n, e := strconv.ParseUint(values.Get("_HLS_part"), 10, 31)
			want.part, wrong = int(n), wrong || e != nil || !want.blocking
		}
		if (err != nil) != wrong || !wrong && got != want {
			t.Errorf("%q: %+v, %v; want %+v, wrong: %v", query, got, err, want, wrong)
		}
		carried := carryQuery("x.m3u8", query)
		if strings.ContainsAny(query, "\r\n") {
			return // no request has these
		}
		if strings.ContainsAny(carried, "\r\n") {
			t.Errorf("%q: carried as %q", query, carried)
		}
		if _, rest, _ := strings.Cut(carried, "?"); rest != "" {
			values, err := url.ParseQuery(rest)
			if err != nil {
				t.Errorf("%q: carried as %q: %v", query, carried, err)
			}
			for name := range values {
				if strings.HasPrefix(name, "_HLS_") {
					t.Errorf("%q: carried as %q", query, carried)
				}
			}
		}
	})
}

// FuzzFileName holds that no name from outside can do harm.
func FuzzFileName(f *testing.F) {
	p := New(Options{})
	s := newSession(p.Window, p.log, p.now)
	for _, frame := range (feed{length: 20e9, audio: audioTrack()}).frames() {
		if err := s.frame(frame); err != nil {
			f.Fatal(err)
		}
	}
	at := p.current.Load()
	f.Add(at.parts[0].name)
	f.Add(at.hint)
	f.Add(at.segments[0].name)
	f.Add(at.open.init.name)
	f.Add("p18446744073709551615-")
	for _, name := range []string{PlaylistFile, "av1.m3u8", "av12.m3u8", "av0.m3u8", "av01.m3u8", "av-1.m3u8", "av999.m3u8", "av.m3u8.m3u8"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		part, segment, init := at.file(name)
		if part != nil && part.name != name || segment != nil && segment.name != name || init != nil && init.name != name {
			t.Errorf("%q gives something else", name)
		}
		if lane, ok := PlaylistOf(name); ok && (playlistFile(lane) != name || lane < 0) {
			t.Errorf("%q is taken for lane %d's playlist", name, lane)
		}
	})
}
