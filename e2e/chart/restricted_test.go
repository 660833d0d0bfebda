package chart

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// refusal is what a namespace that enforces the "restricted" standard, in its newest version, says to a pod: "" lets it in. The same checks make the
// warnings.
func refusal(t *testing.T, spec object) string {
	t.Helper()
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var pod core.PodSpec
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields() // what Kubernetes does not know would be dropped in silence
	if err := strict.Decode(&pod); err != nil {
		t.Fatal(err)
	}
	said := policy.AggregateCheckResults(judge.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &meta.ObjectMeta{}, &pod))
	if said.Allowed {
		return ""
	}
	return said.ForbiddenReason() + ": " + said.ForbiddenDetail()
}

// OPS-01: every pod passes what Kubernetes itself checks, and none that lacks one of its restrictions does.
func TestKubernetesFindsPodsRestricted(t *testing.T) {
	t.Parallel()
	for _, file := range valueFiles(t) {
		found := pods(render(t, "--values", file))
		if len(found) != 2 {
			t.Fatalf("%s: pods %v", file, slices.Collect(maps.Keys(found)))
		}
		for name, spec := range found {
			if said := refusal(t, spec); said != "" {
				t.Errorf("%s: pod of %s: %s", file, name, said)
			}
		}
	}
	for want, loosen := range map[string]func(pod, container object){
		"runAsNonRoot":                      func(pod, _ object) { pod.object("securityContext")["runAsNonRoot"] = false },
		"seccompProfile":                    func(pod, _ object) { delete(pod.object("securityContext"), "seccompProfile") },
		"allowPrivilegeEscalation != false": func(_, c object) { delete(c.object("securityContext"), "allowPrivilegeEscalation") },
		"unrestricted capabilities":         func(_, c object) { delete(c.object("securityContext"), "capabilities") },
		"host namespaces":                   func(pod, _ object) { pod["hostNetwork"] = true },
		"restricted volume types, hostPath": func(pod, _ object) {
			pod["volumes"] = []any{map[string]any{"name": "host", "hostPath": map[string]any{"path": "/"}}}
		},
		"runAsUser=0": func(pod, _ object) { pod.object("securityContext")["runAsUser"] = 0 },
	} {
		for name, spec := range pods(render(t, "--values", values("redis"))) {
			loosen(spec, spec.list("containers")[0])
			if said := refusal(t, spec); !strings.Contains(strings.ToLower(said), strings.ToLower(strings.Split(want, ",")[0])) {
				t.Errorf("%s without %s: said %q", name, want, said)
			}
		}
	}
}
