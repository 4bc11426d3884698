package raftstore

import (
	"context"
	"io"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// raftLog lets Raft log through slog. Raft repeats itself for as long as a peer
// is away, several times a second; a message comes at its own level once in
// logQuiet and at debug in between.
type raftLog struct {
	*slog.Logger
	name  string
	args  []any
	quiet *repeats
}

const logQuiet = 30 * time.Second

type repeats struct {
	mu   sync.Mutex
	last map[string]time.Time // by message: Raft has a fixed number of them
}

func newRaftLog(l *slog.Logger) *raftLog {
	return &raftLog{Logger: l, quiet: &repeats{last: map[string]time.Time{}}}
}

func (r *repeats) level(l slog.Level, msg string) slog.Level {
	if l < slog.LevelWarn {
		return slog.LevelDebug // its everyday talk
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if last, ok := r.last[msg]; ok && now.Sub(last) < logQuiet {
		return slog.LevelDebug
	}
	r.last[msg] = now
	return l
}

func slogLevel(l hclog.Level) slog.Level {
	switch l {
	case hclog.Error:
		return slog.LevelError
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Info:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// Log and the methods below it are hclog.Logger.
func (l *raftLog) Log(level hclog.Level, msg string, args ...any) {
	at := l.quiet.level(slogLevel(level), msg)
	if l.Logger.Enabled(context.Background(), at) {
		l.Logger.Log(context.Background(), at, "raft: "+msg, args...)
	}
}

func (l *raftLog) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *raftLog) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *raftLog) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *raftLog) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *raftLog) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *raftLog) enabled(level slog.Level) bool {
	return l.Enabled(context.Background(), level)
}

func (l *raftLog) IsTrace() bool { return false }
func (l *raftLog) IsDebug() bool { return l.enabled(slog.LevelDebug) }
func (l *raftLog) IsInfo() bool  { return l.enabled(slog.LevelDebug) }
func (l *raftLog) IsWarn() bool  { return l.enabled(slog.LevelWarn) }
func (l *raftLog) IsError() bool { return l.enabled(slog.LevelError) }

func (l *raftLog) ImpliedArgs() []any { return l.args }

func (l *raftLog) With(args ...any) hclog.Logger {
	return &raftLog{Logger: l.Logger.With(args...), name: l.name, args: append(l.args[:len(l.args):len(l.args)], args...), quiet: l.quiet}
}

func (l *raftLog) Name() string                   { return l.name }
func (l *raftLog) Named(name string) hclog.Logger { return l.ResetNamed(name) }
func (l *raftLog) SetLevel(hclog.Level)           {}
func (l *raftLog) GetLevel() hclog.Level          { return hclog.NoLevel }
func (l *raftLog) ResetNamed(name string) hclog.Logger {
	c := *l
	c.name = name
	return &c
}

func (l *raftLog) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.Handler(), slog.LevelDebug)
}

func (l *raftLog) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(o).Writer()
}
