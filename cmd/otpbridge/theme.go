package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"otpbridge/cmd/internal/config"
	"otpbridge/templates"
)

// themeSource is where the theme stands in the program's own files.
const themeSource = "keycloak/otp-recovery"

// themeCmd is `otpbridge theme TARGET`.
type themeCmd struct {
	Target string `arg:"" help:"help_theme_target"`
	Parent string `default:"keycloak.v2" help:"help_theme_parent"`
	Themes string `placeholder:"DIR" help:"help_theme_themes"`
	Name   string `default:"otp-recovery" help:"help_theme_name"`
	Force  bool   `help:"help_force"`
}

// themeName is what Keycloak's directories and realm settings can hold.
var themeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Run writes the theme. Nothing is written when something of another content is in the way and --force is not given.
func (c themeCmd) Run(_ context.Context, p process) error {
	for flag, name := range map[string]string{"--name": c.Name, "--parent": c.Parent} {
		if !themeName.MatchString(name) {
			return usageError{errors.New(config.Say("theme: %s %q: letters, digits, dots, underscores and hyphens only", "theme: %s %q: 使えるのは英数字・ピリオド・下線・ハイフンだけです").
				With(flag, name).In(p.lang))}
		}
	}
	if c.Name == c.Parent {
		return usageError{errors.New(config.Say("theme: --name and --parent are the same", "theme: --name と --parent が同じです").In(p.lang))}
	}
	if slices.Contains(taken(), c.Name) {
		return usageError{errors.New(config.Say("theme: --name %s is a theme of Keycloak's own; choose another name", "theme: --name %s は Keycloak 標準のテーマの名前です。別の名前を指定してください").With(c.Name).In(p.lang))}
	}
	packed := strings.HasSuffix(c.Target, ".jar")
	if c.Themes == "" && !packed {
		c.Themes = c.Target
	}
	files, unknown, err := c.files()
	if err != nil {
		return fmt.Errorf("theme: %w", translated(p, err))
	}
	written := filepath.Join(c.Target, c.Name)
	if packed {
		written = c.Target
		if files, err = c.jar(files); err != nil {
			return err
		}
	}
	if err := c.write(files); err != nil {
		return fmt.Errorf("theme: %w", translated(p, err))
	}
	say(p, config.Say("wrote %s; the link leads to the realm's text otpRecoveryUrl, or to Keycloak's environment variable OTP_RECOVERY_URL",
		"%s に書きました。リンク先は、レルムのテキスト otpRecoveryUrl か Keycloak の環境変数 OTP_RECOVERY_URL です").With(written).In(p.lang))
	if unknown != "" {
		say(p, config.Say("%s is not in a directory of themes that was named, and none of Keycloak's own: if it has a footer.ftl, that is not shown any more; --themes DIR keeps it",
			"テーマ %s は指定されたテーマのディレクトリーになく、Keycloak 標準のテーマでもありません。独自の footer.ftl がある場合は表示されなくなります（--themes DIR を指定すると残ります）").
			With(unknown).In(p.lang))
	}
	return nil
}

// files are the theme's files by their name below a directory of themes; unknown is that of footer.
func (c themeCmd) files() (files map[string][]byte, unknown string, err error) {
	files = map[string][]byte{}
	err = fs.WalkDir(templates.FS, themeSource, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(templates.FS, name)
		switch path.Base(name) {
		case "theme.properties":
			content = bytes.Replace(content, []byte("parent=keycloak.v2"), []byte("parent="+c.Parent), 1)
		case "footer.ftl":
			if err == nil {
				content, unknown, err = c.footer(content)
			}
		}
		files[path.Join(c.Name, strings.TrimPrefix(name, themeSource))] = content
		return err
	})
	return files, unknown, err
}

// jar packs a theme as a provider of Keycloak's: one file, the same bytes each time.
func (c themeCmd) jar(files map[string][]byte) (map[string][]byte, error) {
	description, err := json.Marshal(map[string]any{"themes": []any{map[string]any{"name": c.Name, "types": []string{"login"}}}})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	add := func(name string, content []byte) {
		var w io.Writer
		if w, err = z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate}); err == nil {
			_, err = w.Write(content)
		}
	}
	add("META-INF/keycloak-themes.json", description)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err == nil {
			add("theme/"+name, files[name])
		}
	}
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return map[string][]byte{filepath.Base(c.Target): packed.Bytes()}, nil
}

// write puts files below the target's directory.
func (c themeCmd) write(files map[string][]byte) error {
	dir := c.Target
	if strings.HasSuffix(c.Target, ".jar") {
		dir = filepath.Dir(c.Target)
	}
	if err := isDirectory(dir); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(old, files[name]) && !c.Force {
			return refused{config.Say("%s exists with another content and is left as it is; --force replaces it",
				"%s は内容の異なるファイルがあるため、そのままにします。置き換えるには --force を付けてください").With(filepath.Join(dir, name))}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // Keycloak's user reads it
			return err
		}
		if err := os.WriteFile(file, files[name], 0o644); err != nil { //nolint:gosec // Keycloak's user reads it
			return err
		}
	}
	return nil
}

// isDirectory refuses what is none, and says what is wanted.
func isDirectory(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	return refused{config.Say("%s is no directory that exists: name Keycloak's directory of themes, or a file that ends with .jar in a directory",
		"%s は存在するディレクトリーではありません。Keycloak のテーマのディレクトリーか、ディレクトリー内の .jar で終わるファイルを指定してください").With(dir)}
}
