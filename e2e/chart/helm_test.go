// Package chart tests how the product is shipped: the Helm chart, the image, the systemd unit and the alerts, with the tools that people use
// (helm, buildah, systemd-analyze, promtool). It needs no Keycloak and no cluster.
package chart

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"otpbridge/bridge/bridgetest/realkc"
)

const (
	chartDir   = "../../charts/otpbridge"
	release    = "campus"
	kubernetes = "1.32.0"
)

// object is a Kubernetes object, or a part of one.
type object map[string]any

// at follows keys; nil when there is nothing.
func (o object) at(keys ...string) any {
	var v any = map[string]any(o)
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func (o object) text(keys ...string) string {
	s, _ := o.at(keys...).(string)
	return s
}

func (o object) list(keys ...string) []object {
	items, _ := o.at(keys...).([]any)
	out := make([]object, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (o object) object(keys ...string) object {
	m, _ := o.at(keys...).(map[string]any)
	return m
}

// valueFiles are the values that the chart shows as examples.
func valueFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(chartDir + "/ci/*-values.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("value files: %v (%v)", files, err)
	}
	return files
}

func values(name string) string { return chartDir + "/ci/" + name + "-values.yaml" }

// helm runs helm, and returns what it printed and said.
func helm(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	cache, err := realkc.Cache()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(cache, "bin", "helm"), args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// render is what the chart makes of values, hooks and all.
func render(t *testing.T, args ...string) []object {
	t.Helper()
	out, said, err := helm(t, append([]string{"template", release, chartDir, "--namespace", "otp", "--kube-version", kubernetes}, args...)...)
	if err != nil {
		t.Fatalf("helm template %v: %v\n%s", args, err, said)
	}
	var objects []object
	for text := range strings.SplitSeq("\n"+out, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("helm template %v: %v\n%s", args, err, text)
		}
		if o != nil {
			objects = append(objects, o)
		}
	}
	return objects
}

// find returns the object of a kind whose name has that ending; nil when there is none.
func find(objects []object, kind, ending string) object {
	i := slices.IndexFunc(objects, func(o object) bool {
		return o.text("kind") == kind && strings.HasSuffix(o.text("metadata", "name"), ending)
	})
	if i < 0 {
		return nil
	}
	return objects[i]
}

// pods are the specifications of all pods, by what they belong to.
func pods(objects []object) map[string]object {
	found := map[string]object{}
	for _, o := range objects {
		switch kind := o.text("kind"); {
		case kind == "Pod":
			found[o.text("metadata", "name")] = o.object("spec")
		case kind == "CronJob":
			found[o.text("metadata", "name")] = o.object("spec", "jobTemplate", "spec", "template", "spec")
		case o.at("spec", "template", "spec") != nil: // a Deployment, a Job
			found[strings.ToLower(kind)] = o.object("spec", "template", "spec")
		}
	}
	return found
}
