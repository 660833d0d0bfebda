package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
)

// serveCmd is `otpbridge serve`.
type serveCmd struct {
	configFlag
}

// Run reads the configuration and serves until a signal says that it is enough. The first one drains; a second one ends at once.
func (s serveCmd) Run(ctx context.Context, p process) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	if err := stateFolders(cfg, p.lang); err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	enough := make(chan os.Signal, 1)
	signal.Notify(enough, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(enough)
	go func() {
		select {
		case <-enough:
		case <-ctx.Done():
		}
		signal.Stop(enough) // the next one is the system's, from before the drain begins
		cancel()
	}()
	return s.serve(ctx, *cfg, p, reload)
}

// stateFolders says how to make the folders of the store and of the audit trail that are not there. The program makes none itself: on a
// mistyped path, or with a volume that is not mounted, it would begin with an empty store.
func stateFolders(cfg *config.Config, lang string) error {
	var errs []error
	var said []string
	for _, file := range []struct{ key, path string }{{"store.bolt", cfg.Store.Bolt}, {"audit.file", cfg.Audit.File}} {
		folder := filepath.Dir(file.path)
		if file.path == "" || file.key == "store.bolt" && cfg.Store.Redis != nil || slices.Contains(said, folder) {
			continue
		}
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			said = append(said, folder)
			errs = append(errs, errors.New(config.Say("%s: the folder %s does not exist; create it: install -d -m 0700 -o USER %s (USER: the one that otpbridge runs as)",
				"%s: フォルダー %s が存在しません。作成してください: install -d -m 0700 -o USER %s（USER は otpbridge を実行するユーザー）").
				With(file.key, folder, folder).In(lang)))
		}
	}
	return errors.Join(errs...)
}

// serve runs until ctx ends. The audit trail is copied to p.out, log lines go to p.err.
func (s serveCmd) serve(ctx context.Context, cfg config.Config, p process, reload <-chan os.Signal) error {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(p.err, options)
	if cfg.Log.Format == "text" {
		handler = slog.NewTextHandler(p.err, options)
	}
	log := slog.New(service.WithRequests(handler))
	redis.SetLogger(redisLog{log})
	return service.Run(ctx, cfg, service.Options{
		Version: version, Log: log, Out: p.out, Now: time.Now, Reload: reload,
		Load:   func() (*config.Config, error) { return s.load(p) },
		Loaded: func(cfg *config.Config) { level.Set(cfg.Log.Level) },
	})
}

// redisLog takes what the Redis client says of its own accord, which would otherwise go to standard error as text. The store reports in its
// own words when it is away, so these are details.
type redisLog struct{ log *slog.Logger }

// Printf implements the client's logger.
func (r redisLog) Printf(ctx context.Context, format string, args ...any) {
	r.log.DebugContext(ctx, "redis client", "said", fmt.Sprintf(format, args...))
}
