package service

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// newLog returns a log that people can read on a terminal, and programs (JSON, a line each)
// anywhere else. It has no names, addresses or secrets of people.
func newLog(to io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if file, ok := to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return slog.New(slog.NewTextHandler(to, options))
	}
	return slog.New(slog.NewJSONHandler(to, options))
}
