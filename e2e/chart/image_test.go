package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const root = "../.."

// image is what `make image` makes, made once for all tests.
var image = sync.OnceValues(func() (digest string, err error) {
	for _, command := range [][]string{{"make", "--no-print-directory", "build", "VERSION=test"}, {".ci/image", "test"}} {
		cmd := exec.Command(command[0], command[1:]...)
		var said bytes.Buffer // a shell warns of a locale that is not there
		cmd.Dir, cmd.Stderr = root, &said
		out, err := cmd.Output()
		if err != nil {
			return "", errors.New(strings.Join(command, " ") + ": " + err.Error() + "\n" + string(out) + said.String())
		}
		digest, _, _ = strings.Cut(string(out), " ")
	}
	return digest, nil
})

func makeImage(t *testing.T) (digest string) {
	t.Helper()
	digest, err := image()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// ociConfig is the part of an image's configuration that says how it is started.
type ociConfig struct {
	Config struct {
		User, WorkingDir string
		Entrypoint, Cmd  []string
		Labels           map[string]string
	} `json:"config"`
}

// unpack reads the image: how it is started, and its files into a folder.
func unpack(t *testing.T) (cfg ociConfig, dir string) {
	t.Helper()
	makeImage(t)
	blobs := map[string][]byte{}
	file, err := os.Open(root + "/bin/otpbridge.oci.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	each(t, file, func(h *tar.Header, content []byte) { blobs[strings.TrimPrefix(h.Name, "blobs/sha256/")] = content })
	var index struct{ Manifests []struct{ Digest string } }
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	parse := func(name string, out any) {
		if err := json.Unmarshal(blobs[strings.TrimPrefix(name, "sha256:")], out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	parse("index.json", &index)
	parse(index.Manifests[0].Digest, &manifest)
	parse(manifest.Config.Digest, &cfg)
	// Not below the test's own folder, which other users may not enter.
	dir, err = os.MkdirTemp("", "otpbridge-image-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, layer := range manifest.Layers {
		z, err := gzip.NewReader(bytes.NewReader(blobs[strings.TrimPrefix(layer.Digest, "sha256:")]))
		if err != nil {
			t.Fatal(err)
		}
		each(t, z, func(h *tar.Header, content []byte) { write(t, filepath.Join(dir, h.Name), h, content) })
	}
	return cfg, dir
}

func each(t *testing.T, in io.Reader, do func(h *tar.Header, content []byte)) {
	t.Helper()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		do(h, content)
	}
}

// writeProgram writes a file that is executed later. Nobody is started meanwhile: the kernel executes no file ("text file busy") that another child of ours, which
// is about to become its own program, holds open with us.
func writeProgram(name string, content []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(name, content, mode)
}

func write(t *testing.T, name string, h *tar.Header, content []byte) {
	t.Helper()
	var err error
	if h.Typeflag == tar.TypeDir {
		err = os.MkdirAll(name, h.FileInfo().Mode())
	} else {
		err = errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), writeProgram(name, content, h.FileInfo().Mode()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// SC-01: one program that needs nothing, not as root, no shell beside it, and small.
func TestImageHoldsOneProgram(t *testing.T) {
	t.Parallel()
	cfg, dir := unpack(t)
	if cfg.Config.User != "65532:65532" || !slices.Equal(cfg.Config.Entrypoint, []string{"/otpbridge"}) || !slices.Equal(cfg.Config.Cmd, []string{"serve"}) {
		t.Errorf("the image starts %v %v as %q", cfg.Config.Entrypoint, cfg.Config.Cmd, cfg.Config.User)
	}
	if cfg.Config.Labels["org.opencontainers.image.version"] != "test" {
		t.Errorf("labels %v", cfg.Config.Labels)
	}
	var files []string
	var size int64
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files, size = append(files, strings.TrimPrefix(path, dir)), size+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/etc/ssl/certs/ca-certificates.crt", "/otpbridge", "/usr/share/otpbridge/sbom.cdx.json"}; !slices.Equal(files, want) {
		t.Errorf("files %v", files)
	}
	if packed, err := os.Stat(root + "/bin/otpbridge.oci.tar"); err != nil || packed.Size() > 20_000_000 || size > 20_000_000 {
		t.Errorf("the image has %v bytes (%v), its files %d", packed, err, size)
	}
	if out, err := exec.CommandContext(t.Context(), "ldd", filepath.Join(dir, "otpbridge")).CombinedOutput(); err == nil {
		t.Errorf("the program needs libraries: %s", out)
	}
}

// SC-02: the bill of materials names every module that is linked, and its version.
func TestImageNamesWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	_, dir := unpack(t)
	info, err := buildinfo.ReadFile(filepath.Join(dir, "otpbridge"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "usr", "share", "otpbridge", "sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sbom struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &sbom); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, c := range sbom.Components {
		named[c.Name] = c.Version
	}
	if len(info.Deps) < 10 {
		t.Fatalf("only %d modules are linked", len(info.Deps))
	}
	for _, module := range info.Deps {
		if named[module.Path] != module.Version {
			t.Errorf("%s %s: the bill of materials says %q", module.Path, module.Version, named[module.Path])
		}
	}
}

// SC-07: made once more, of the same sources in another place, the image is the same.
func TestImageIsReproducible(t *testing.T) {
	t.Parallel()
	first, elsewhere := makeImage(t), filepath.Join(t.TempDir(), "elsewhere")
	again := exec.CommandContext(t.Context(), "/bin/sh", "-ec", `mkdir "$0"
git ls-files -z -co --exclude-standard | xargs -0 cp --parents -t "$0"
echo "gitdir: $(git rev-parse --absolute-git-dir)" >"$0/.git"
cd "$0"
make --no-print-directory build VERSION=test >&2
.ci/image test`, elsewhere)
	again.Dir = root
	var digest, said bytes.Buffer
	again.Stdout, again.Stderr = &digest, &said
	if err := again.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if second, _, _ := strings.Cut(digest.String(), " "); second != first || !strings.HasPrefix(first, "sha256:") {
		t.Errorf("first %s, then %s", first, second)
	}
	archives := [2]string{filepath.Join(root, "bin", "otpbridge.oci.tar"), filepath.Join(elsewhere, "bin", "otpbridge.oci.tar")}
	var sums [2][sha256.Size]byte
	for i, name := range archives {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(content)
	}
	if sums[0] != sums[1] {
		t.Errorf("the same image in two archives: %x, %x", sums[0], sums[1])
	}
}
