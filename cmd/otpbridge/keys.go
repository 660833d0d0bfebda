package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/cmd/internal/config"
	"otpbridge/oidc"
)

// keysCmd is `otpbridge keys`.
type keysCmd struct {
	New  keysNewCmd  `cmd:"" help:"help_keys_new"`
	Show keysShowCmd `cmd:"" help:"help_keys_show"`
}

// keysNewCmd is `otpbridge keys new PURPOSE FILE`.
type keysNewCmd struct {
	Purpose string `arg:"" enum:"sealing,login,admin" help:"help_keys_purpose"`
	File    string `arg:"" help:"help_keys_new_file"`
	Add     bool   `help:"help_keys_add"`
}

// Run makes the key and writes it.
func (k keysNewCmd) Run(_ context.Context, p process) error {
	if k.Add && k.File == "-" {
		return usageError{errors.New(config.Say("keys new: --add needs a file", "keys new: --add にはファイルが必要です").In(p.lang))}
	}
	if k.Add {
		return k.add(p)
	}
	text, err := k.fresh(nil)
	if err != nil {
		return err
	}
	if k.File == "-" {
		_, err = p.out.Write(text)
		return err
	}
	if err := writeNew(k.File, text); err != nil {
		return err
	}
	say(p, config.Say("wrote %s", "%s に書きました").With(k.File).In(p.lang))
	return nil
}

// add puts a fresh key in front of those in the file.
func (k keysNewCmd) add(p process) error {
	old, wrong := config.ReadSmall(k.File, true)
	if wrong != nil {
		return fmt.Errorf("keys new --add: %s %s", k.File, wrong.In(p.lang))
	}
	text, err := k.fresh(old)
	if err != nil {
		return fmt.Errorf("keys new --add: %s: %w", k.File, err)
	}
	if err := replace(k.File, text); err != nil {
		return err
	}
	say(p, config.Say("added a key to %s", "%s に鍵を加えました").With(k.File).In(p.lang))
	return nil
}

// fresh returns the contents of a keys file with a new key in front of the old contents.
func (k keysNewCmd) fresh(old []byte) ([]byte, error) {
	if k.Purpose == "sealing" {
		return freshSealing(old)
	}
	var set oidc.KeySet
	var err error
	if old != nil {
		if set, err = oidc.ParseKeySet(old); err != nil {
			return nil, err
		}
	}
	if set, err = set.Rotate(); err != nil {
		return nil, err
	}
	text, err := set.PrivateFile()
	return append(text, '\n'), err
}

func freshSealing(old []byte) ([]byte, error) {
	key, err := store.NewKey(time.Now().UTC().Format("2006-01-02") + "-" + strings.ToLower(bridge.NewReference()))
	if err != nil {
		return nil, err
	}
	text := append([]byte(key.Line()+"\n"), old...)
	if _, err := store.ParseKeys(text); err != nil {
		return nil, err
	}
	return text, nil
}

// writeNew writes a file of mode 0600 that must not exist yet.
func writeNew(file string, text []byte) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return refused{config.Say("keys new: %s exists and is left as it is; --add puts a new key in front of its keys",
			"keys new: %s は既にあるため、そのままにします。新しい鍵を先頭に加えるには --add を付けてください").With(file)}
	}
	if err != nil {
		return fmt.Errorf("keys new: %w", err)
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// replace puts new contents in the place of a file's at once, and keeps its mode and owner, so that the service can still read it.
func replace(file string, text []byte) (err error) {
	file, err = filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Errorf("keys new: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("keys new: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".otpbridge-keys-*")
	if err != nil {
		return fmt.Errorf("keys new: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		err = errors.Join(err, f.Chown(int(owner.Uid), int(owner.Gid)))
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keys new: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// keysShowCmd is `otpbridge keys show FILE`.
type keysShowCmd struct {
	File string `arg:"" help:"help_keys_file"`
}

// Run prints the public half of client keys, or the names of sealing keys, newest first.
func (k keysShowCmd) Run(_ context.Context, p process) error {
	text, wrong := config.ReadSmall(k.File, false)
	if wrong != nil {
		return fmt.Errorf("keys show: %s %s", k.File, wrong.In(p.lang))
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return showSealing(p, k.File, text)
	}
	set, err := oidc.ParseKeySet(text)
	if err != nil {
		return fmt.Errorf("keys show: %s: %w", k.File, err)
	}
	return writeJSON(p.out, json.RawMessage(set.PublicJWKS()))
}

func showSealing(p process, file string, text []byte) error {
	ring, err := store.ParseKeys(text)
	if err != nil {
		return fmt.Errorf("keys show: %s: %w", file, err)
	}
	for _, id := range ring.IDs() {
		if _, err := fmt.Fprintln(p.out, id); err != nil {
			return err
		}
	}
	return nil
}
