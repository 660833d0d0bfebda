package chart

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"
)

// container is a container as the cluster would start it: the image's files, what the rendered chart mounts into them, the users that its pod names, its root.
type container struct {
	t       *testing.T
	dir     string
	command []string
	env     []string
	spec    object // of the container
	mounts  map[string]string
	user    syscall.Credential
}

// newContainer mounts what the pod of the rendered Deployment wants into the image; or that of helm test, "doctor".
func newContainer(t *testing.T, objects []object, of string) *container {
	t.Helper()
	cfg, dir := unpack(t)
	var pod object
	for name, spec := range pods(objects) {
		if strings.HasSuffix(name, of) {
			pod = spec
		}
	}
	c := &container{t: t, dir: dir, command: cfg.Config.Entrypoint, spec: pod.list("containers")[0], mounts: map[string]string{}, user: userOf(pod)}
	if got := fmt.Sprintf("%d:%d", c.user.Uid, c.user.Gid); got != cfg.Config.User {
		t.Errorf("the pod runs as %s, the image as %s", got, cfg.Config.User)
	}
	args, _ := c.spec["args"].([]any)
	for _, arg := range args {
		c.command = append(c.command, fmt.Sprint(arg))
	}
	for _, v := range c.spec.list("env") {
		c.env = append(c.env, v.text("name")+"="+v.text("value"))
	}
	for _, m := range c.spec.list("volumeMounts") {
		folder := filepath.Join(dir, m.text("mountPath"))
		c.mounts[m.text("name")] = folder
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		switch m.text("name") {
		case "state":
			c.give(folder, 0o755)
		case "config":
			for name, text := range find(objects, "ConfigMap", "").object("data") {
				c.put(filepath.Join(folder, name), []byte(fmt.Sprint(text)), 0o644)
			}
		}
	}
	c.put(filepath.Join(dir, "etc", "hosts"), []byte("127.0.0.1 localhost\n"), 0o644)
	return c
}

// userOf is whom a pod runs as; what it does not say is nobody's number.
func userOf(pod object) (c syscall.Credential) {
	number := func(key string) (n uint32, given bool) {
		v, given := pod.at("securityContext", key).(uint64)
		if !given {
			return 65534, false
		}
		return uint32(v), true
	}
	c.Uid, _ = number("runAsUser")
	c.Gid, _ = number("runAsGroup")
	if group, given := number("fsGroup"); given {
		c.Groups = []uint32{group}
	}
	return c
}

// secret puts an item where the Secret is mounted, which is root's and readable for the pod's group of files alone.
func (c *container) secret(name string, content []byte) {
	c.t.Helper()
	c.secretIn("secret", name, content)
}

func (c *container) secretIn(volume, name string, content []byte) {
	c.t.Helper()
	folder, mounted := c.mounts[volume]
	if !mounted {
		c.t.Fatalf("%s is mounted nowhere", volume)
	}
	file := filepath.Join(folder, name)
	c.put(file, content, 0o440)
	c.give(file, 0o440)
}

func (c *container) put(file string, content []byte, mode os.FileMode) {
	c.t.Helper()
	if err := os.WriteFile(file, content, mode); err != nil {
		c.t.Fatal(err)
	}
}

// give makes what a volume has root's, as a cluster does; a pod's fsGroup becomes its group, and may write where the owner may.
func (c *container) give(file string, mode os.FileMode) {
	c.t.Helper()
	group := 0
	if len(c.user.Groups) > 0 {
		group = int(c.user.Groups[0])
		mode |= mode >> 3 & 0o070
	}
	if err := os.Chown(file, 0, group); err != nil {
		c.t.Fatalf("this test has to be run as root: %v", err)
	}
	if err := os.Chmod(file, mode); err != nil {
		c.t.Fatal(err)
	}
}

// start is the command in the container, with variables beside those of the chart.
func (c *container) start(ctx context.Context, command []string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = "/", append(append([]string{"PATH=/"}, c.env...), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.dir, Credential: &c.user, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// reach wants that a running container answers where the rendered objects send probes, people and Prometheus. really is where the ports of the
// rendered configuration are, by key.
func (c *container) reach(objects []object, really map[string]string) {
	c.t.Helper()
	var cfg object
	if err := yaml.Unmarshal([]byte(find(objects, "ConfigMap", "").text("data", "otpbridge.yaml")), &cfg); err != nil {
		c.t.Fatal(err)
	}
	served := map[string]string{} // by the name of the container's port
	for _, port := range c.spec.list("ports") {
		for key, address := range really {
			if strings.HasSuffix(cfg.text(key), fmt.Sprintf(":%v", port["containerPort"])) {
				served[port.text("name")] = address
			}
		}
	}
	ask := func(what, port, path string) {
		c.t.Helper()
		if served[port] == "" || answer(c.t, served[port]+path) != http.StatusOK {
			c.t.Errorf("%s asks for %s at the port %s, where nothing answers: %v", what, path, port, served)
		}
	}
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		at := c.spec.object(probe, "httpGet")
		ask(probe, at.text("port"), at.text("path"))
	}
	leads := map[string]string{} // where the Services' ports lead, by name
	for _, service := range []string{"otpbridge", "-admin"} {
		for _, port := range find(objects, "Service", service).list("spec", "ports") {
			leads[port.text("name")] = port.text("targetPort")
		}
	}
	ask("the Service", leads["http"], "/")
	for _, endpoint := range find(objects, "ServiceMonitor", "").list("spec", "endpoints") {
		ask("the ServiceMonitor", leads[endpoint.text("port")], endpoint.text("path"))
	}
	if len(find(objects, "ServiceMonitor", "").list("spec", "endpoints")) == 0 {
		c.t.Error("nothing tells Prometheus where to look")
	}
}

// answer is the status with which an address answers; 0: nobody does.
func answer(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // read is its status alone
	return resp.StatusCode
}
