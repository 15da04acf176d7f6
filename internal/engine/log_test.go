package engine

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSecretsAreBlottedOut(t *testing.T) {
	const key = "sk_us-east-1_abcdABCD1234_0123456789abcdefghijABCDEFGHIJ"
	for name, attrs := range map[string][]any{
		"by name":          {"token", "hunter2secret"},
		"stream key":       {"path", "/app/" + key},
		"inside an error":  {"err", errors.New("publish " + key + ": refused")},
		"participant":      {"got", "eyJhbGciOiJFUzM4NCJ9.hunter2secret.hunter2secret"},
		"name with prefix": {"stream_key", "hunter2secret"},
	} {
		for _, format := range []string{"text", "json"} {
			var out bytes.Buffer
			NewLog(&out, "debug", format).Info("x", attrs...)
			if s := out.String(); strings.Contains(s, "hunter2secret") || strings.Contains(s, "0123456789abcdef") || !strings.Contains(s, blot) {
				t.Errorf("%s, %s: %s", name, format, s)
			}
		}
	}
}

func TestOrdinaryValuesAreLogged(t *testing.T) {
	var out bytes.Buffer
	NewLog(&out, "info", "text").Info("stream is live", "channel", "abcdABCD1234", "reason", "sk_ip this")
	if s := out.String(); strings.Contains(s, blot) {
		t.Error(s)
	}
}
