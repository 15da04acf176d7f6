package engine

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// NewLog makes the process's log. Whatever a caller lets slip, attributes with a secret's name and
// values with a stream key's form are blotted out.
func NewLog(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: redact}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

const blot = "[redacted]"

var (
	secretNames = regexp.MustCompile(`(?i)(^|[_.-])(key|streamkey|token|secret|password|passphrase|authorization|cookie)$`)
	secretForms = regexp.MustCompile(`\b(sk|rt)_[A-Za-z0-9-]+_[A-Za-z0-9_-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]+`)
)

func redact(_ []string, a slog.Attr) slog.Attr {
	if secretNames.MatchString(a.Key) {
		return slog.String(a.Key, blot)
	}
	var s string
	switch a.Value.Kind() {
	case slog.KindString:
		s = a.Value.String()
	case slog.KindAny:
		err, ok := a.Value.Any().(error)
		if !ok {
			return a
		}
		s = err.Error()
	default:
		return a
	}
	if strings.Contains(s, "_") || strings.Contains(s, "eyJ") {
		if clean := secretForms.ReplaceAllString(s, blot); clean != s {
			return slog.String(a.Key, clean)
		}
	}
	return a
}
