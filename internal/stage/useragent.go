package stage

import "strings"

// maxClientText is the length of a client field, in characters, and of the kept user agent, in bytes.
const (
	maxClientText = 128
	maxUserAgent  = 512
)

// describe fills the client fields from a User-Agent.
func (d *ParticipantDoc) describe(userAgent string) {
	d.UserAgent = printable(userAgent, maxUserAgent)
	d.BrowserName, d.BrowserVersion = browserOf(userAgent)
	d.OsName, d.OsVersion = systemOf(userAgent)
}

// browserOf knows the well-known families; others are "". The order counts: most name their relatives, too.
func browserOf(ua string) (name, version string) {
	for _, b := range []struct{ token, name string }{
		{"Edg/", "Edge"},
		{"EdgA/", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"OBS-Studio/", "OBS"},
		{"obs-studio/", "OBS"},
		{"GStreamer/", "GStreamer"},
	} {
		if _, after, ok := strings.Cut(ua, b.token); ok {
			return b.name, plain(word(after), maxClientText)
		}
	}
	if _, after, ok := strings.Cut(ua, "Version/"); ok && strings.Contains(ua, "Safari/") {
		return "Safari", plain(word(after), maxClientText)
	}
	return "", ""
}

// systemOf knows the well-known systems. Browsers tell versions that are frozen on some of them.
func systemOf(ua string) (name, version string) {
	for _, s := range []struct{ token, name string }{
		{"Windows NT ", "Windows"},
		{"Android ", "Android"},
		{"iPhone OS ", "iOS"},
		{"CPU OS ", "iOS"},
		{"Mac OS X ", "macOS"},
		{"CrOS ", "Chrome OS"},
	} {
		if _, after, ok := strings.Cut(ua, s.token); ok {
			if s.name == "Chrome OS" { // "CrOS x86_64 14541.0.0"
				_, after, _ = strings.Cut(after, " ")
			}
			return s.name, plain(strings.ReplaceAll(word(after), "_", "."), maxClientText)
		}
	}
	if strings.Contains(ua, "Linux") {
		return "Linux", ""
	}
	return "", ""
}

// word gives what comes before a space, a semicolon or a bracket.
func word(s string) string {
	if i := strings.IndexAny(s, " ;()"); i >= 0 {
		return s[:i]
	}
	return s
}

// printable keeps of a text what is printable ASCII.
func printable(s string, limit int) string {
	return keep(s, limit, func(c byte) bool { return c >= ' ' && c < 0x7F })
}

// plain keeps of a text what the API's client fields may hold.
func plain(s string, limit int) string {
	return keep(s, limit, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.,:; ", c) >= 0
	})
}

func keep(s string, limit int, good func(byte) bool) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < limit; i++ {
		if good(s[i]) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
