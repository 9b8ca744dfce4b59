package certs

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapTo returns a logger as certmagic needs it. What it logs is of use to who looks for a
// fault only, and goes to log at level debug: what has become of a certificate comes as an
// event.
func zapTo(log *slog.Logger) *zap.Logger { return zap.New(&core{log: log}) }

// core is a zapcore.Core that writes to a slog.Logger.
type core struct {
	log    *slog.Logger
	fields []zapcore.Field
}

// Enabled implements zapcore.LevelEnabler.
func (c *core) Enabled(zapcore.Level) bool {
	return c.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.log, append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

// Check implements zapcore.Core.
func (c *core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	of := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(of)
	}
	args := make([]any, 0, len(of.Fields))
	for name, value := range of.Fields {
		args = append(args, slog.Any(name, value))
	}
	c.log.Debug("certificates: "+e.Message, args...)
	return nil
}

// Sync implements zapcore.Core.
func (c *core) Sync() error { return nil }
