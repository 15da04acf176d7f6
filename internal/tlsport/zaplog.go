package tlsport

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// zapToSlog lets certmagic, which logs by zap, log as everything else does. What is below information is left
// out: it repeats whole requests.
type zapToSlog struct{ log *slog.Logger }

func (zapToSlog) Enabled(l zapcore.Level) bool { return l >= zapcore.InfoLevel }

func (z zapToSlog) With(fields []zapcore.Field) zapcore.Core {
	return zapToSlog{z.log.With(attributes(fields)...)}
}

func (z zapToSlog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return c.AddCore(e, z)
	}
	return c
}

func (z zapToSlog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelInfo
	switch {
	case e.Level >= zapcore.ErrorLevel:
		level = slog.LevelError
	case e.Level == zapcore.WarnLevel:
		level = slog.LevelWarn
	}
	z.log.Log(context.Background(), level, "acme: "+e.Message, attributes(fields)...)
	return nil
}

func (zapToSlog) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	var out []any
	for _, f := range fields {
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		for name, value := range m.Fields {
			out = append(out, slog.Any(name, value))
		}
	}
	return out
}
