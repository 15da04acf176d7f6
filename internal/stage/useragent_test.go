package stage_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/stage"
)

func TestWellKnownClientsAreTold(t *testing.T) {
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
	for _, c := range []struct{ ua, browser, version, os, osVersion string }{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + " Chrome/141.0.0.0 Safari/537.36", "Chrome", "141.0.0.0", "Windows", "10.0"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + " Chrome/141.0.0.0 Safari/537.36 Edg/141.0.3537.57", "Edge", "141.0.3537.57", "Windows", "10.0"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "Safari", "26.0", "macOS", "10.15.7"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1", "Safari", "26.0", "iOS", "18.6"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1", "Chrome", "141.0", "iOS", "18.6"},
		{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox", "143.0", "Linux", ""},
		{"Mozilla/5.0 (Linux; Android 10; K) " + webkit + " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet", "28.0", "Android", "10"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + webkit + " Chrome/141.0.0.0 Safari/537.36", "Chrome", "141.0.0.0", "Chrome OS", "14541.0.0"},
		{"Mozilla/5.0 (OBS-Studio/30.2.3; Windows x86_64; en-US)", "OBS", "30.2.3", "", ""},
		{"curl/8.5.0", "", "", "", ""},
		{"", "", "", "", ""},
		{"Chrome/<script>" + strings.Repeat("é", 400), "Chrome", "script", "", ""},
	} {
		d := stage.Describe(c.ua)
		if d.BrowserName != c.browser || d.BrowserVersion != c.version || d.OsName != c.os || d.OsVersion != c.osVersion {
			t.Errorf("%s: %+v", c.ua, d)
		}
	}
}

func FuzzUserAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Safari/537.36")
	f.Add("CrOS Version/Safari/\xff\x00;;;")
	field := regexp.MustCompile(`^[a-zA-Z0-9-_.,:;\s]{0,128}$`) // the model's
	f.Fuzz(func(t *testing.T, ua string) {
		d := stage.Describe(ua)
		for _, v := range []string{d.BrowserName, d.BrowserVersion, d.OsName, d.OsVersion} {
			if !field.MatchString(v) {
				t.Errorf("%q gives %q", ua, v)
			}
		}
		if len(d.UserAgent) > 512 {
			t.Errorf("%d bytes are kept", len(d.UserAgent))
		}
	})
}
