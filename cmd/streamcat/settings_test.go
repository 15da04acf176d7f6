package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parseWith(t *testing.T, file string, args ...string) (cli, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var c cli
	parser, err := kong.New(&c, kong.Configuration(yamlSettings), kong.DefaultEnvars("STREAMCAT"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve", "--config", path}, args...))
	return c, err
}

func TestSettingsComeFromFlagThenEnvironmentThenFile(t *testing.T) {
	const file = "http-addr: 127.0.0.1:1\nrtmp-addr: 127.0.0.1:1\nadmin-addr: 127.0.0.1:1\n"
	t.Setenv("STREAMCAT_RTMP_ADDR", "127.0.0.1:2")
	t.Setenv("STREAMCAT_ADMIN_ADDR", "127.0.0.1:2")
	c, err := parseWith(t, file, "--admin-addr", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	if got := []string{c.Settings.HTTPAddr, c.Settings.RTMPAddr, c.Settings.AdminAddr}; strings.Join(got, " ") != "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3" {
		t.Errorf("got %v", got)
	}
}

func TestDigitsInTheFileStayAsTheyAre(t *testing.T) {
	c, err := parseWith(t, "account-id: 000000000012\nhook-secret: 12345678901234567890123\nephemeral: true\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings.AccountID != "000000000012" || c.Settings.HookSecret != "12345678901234567890123" || !c.Settings.Ephemeral {
		t.Errorf("got %+v", c.Settings)
	}
}

func TestBadSettingsFilesAreRefused(t *testing.T) {
	for name, file := range map[string]string{
		"a name that is no setting": "http-adr: 127.0.0.1:1\n",
		"a list for a value":        "region: [a, b]\n",
		"no mapping":                "- region\n",
	} {
		if _, err := parseWith(t, file); err == nil || !strings.Contains(err.Error(), "settings file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
