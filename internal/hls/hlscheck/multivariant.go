package hlscheck

import (
	"regexp"
	"strings"
)

var (
	codecs     = regexp.MustCompile(`^"(avc1\.[0-9a-f]{6}|hvc1\.[ABC]?[0-9]+\.[0-9A-F]+\.[LH][0-9]+(\.[0-9A-F]+){0,6}|av01\.[012]\.[0-9]{2}[MH]\.(08|10|12))(,mp4a\.40\.[0-9]+|,opus)?"$`)
	resolution = regexp.MustCompile(`^[1-9][0-9]*x[1-9][0-9]*$`)
	whole      = regexp.MustCompile(`^[1-9][0-9]*$`)
	threeDigit = regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`)
)

// Multivariant reads a multivariant playlist; it gives the URIs of the variants and each rule that is
// broken.
func Multivariant(text string) (variants, faults []string) {
	p := &parser{list: &Playlist{}, seen: map[string]bool{}}
	lines := strings.Split(text, "\n")
	if lines[0] != "#EXTM3U" {
		return nil, []string{"the first line is not #EXTM3U"}
	}
	expect := false
	for i, line := range lines[1:] {
		p.line = i + 2
		if value, ok := strings.CutPrefix(line, "#EXT-X-STREAM-INF:"); ok {
			a := p.attributes("EXT-X-STREAM-INF", value)
			for name, shape := range map[string]*regexp.Regexp{
				"BANDWIDTH": whole, "AVERAGE-BANDWIDTH": whole, "CODECS": codecs, "RESOLUTION": resolution, "FRAME-RATE": threeDigit,
			} {
				if !shape.MatchString(a[name]) {
					p.wrong("%s is %q", name, a[name])
				}
			}
			if decimal(a["AVERAGE-BANDWIDTH"]) > decimal(a["BANDWIDTH"]) {
				p.wrong("AVERAGE-BANDWIDTH is above BANDWIDTH")
			}
			expect = true
			continue
		}
		switch {
		case line == "" || line[0] == '#':
			if expect {
				p.wrong("EXT-X-STREAM-INF is not followed by its URI")
			}
		case !expect:
			p.wrong("a URI without EXT-X-STREAM-INF")
		default:
			variants = append(variants, line)
		}
		expect = false
	}
	if len(variants) == 0 {
		p.wrong("there is no variant")
	}
	return variants, p.faults
}
