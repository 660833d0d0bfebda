package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
)

// startBridge starts the product as an administrator would: from a configuration file with the keys beside it. It returns
// when people can use it.
func (d *demo) startBridge(ctx context.Context) error {
	file := d.file("otpbridge.yaml")
	if err := writeConfig(file, d.settings()); err != nil {
		return err
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		return fmt.Errorf("configuration of otpbridge: %w", err)
	}
	if err := d.held.bridge.Close(); err != nil { // otpbridge opens the port itself
		return fmt.Errorf("give the port to otpbridge: %w", err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		err := service.Run(life, *cfg, service.Options{
			Version: "demo", Log: d.log, Now: d.now, Ready: func() { close(ready) }, Demo: true,
		})
		if life.Err() == nil { // nobody told it to
			d.fail(errors.Join(errEnded, err))
			err = nil
		}
		ended <- err
	}()
	d.atEnd(func() error {
		end()
		return <-ended
	})
	return d.waitForBridge(ctx, ready)
}

// readyLimit is far more than otpbridge needs when everything around it is up.
const readyLimit = time.Minute

var (
	errEnded    = errors.New("otpbridge ended by itself")
	errNotReady = errors.New("otpbridge is not ready after a minute; -v shows what it waits for")
)

func (d *demo) waitForBridge(ctx context.Context, ready <-chan struct{}) error {
	late := time.NewTimer(readyLimit)
	defer late.Stop()
	select {
	case <-ready:
		return nil
	case err := <-d.failed:
		return err
	case <-late.C:
		return errNotReady
	case <-ctx.Done():
		return ctx.Err()
	}
}
