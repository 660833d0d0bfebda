// Command keycloak runs the Keycloak of the end-to-end tests until it is told to end, for people who run one test again and again.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"otpbridge/bridge/bridgetest/realkc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to be undone
	}
}

func run(ctx context.Context) error {
	themes, err := filepath.Abs(filepath.Join("..", "templates", "keycloak"))
	if err != nil {
		return fmt.Errorf("find the theme: %w", err)
	}
	server, err := realkc.Start(ctx, realkc.Config{Version: os.Getenv("KEYCLOAK"), ThemeDir: themes, Progress: func(s string) { log.Print(s) }})
	if err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	_, err = fmt.Printf("export KEYCLOAK_URL=%s\n", server.URL)
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, server.Stop())
}
