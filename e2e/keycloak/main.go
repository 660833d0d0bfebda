// Command keycloak runs the Keycloak of the end-to-end tests until it is told to end, for people who run one test again and again.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"otpbridge/bridge/bridgetest/realkc"
	"otpbridge/e2e/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to be undone
	}
}

func run(ctx context.Context) error {
	themes, err := rig.MakeThemes()
	if err != nil {
		return err
	}
	server, err := realkc.Start(ctx, realkc.Config{
		Version: os.Getenv("KEYCLOAK"), ThemeDir: themes, Env: rig.KeycloakEnv(), Progress: func(s string) { log.Print(s) },
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start Keycloak: %w", err), os.RemoveAll(themes))
	}
	_, err = fmt.Printf("export KEYCLOAK_URL=%s KEYCLOAK_THEMES=%s\n", server.URL, themes)
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, server.Stop(), os.RemoveAll(themes))
}
