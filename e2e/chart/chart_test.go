package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChartLints(t *testing.T) {
	t.Parallel()
	for _, file := range valueFiles(t) {
		if out, said, err := helm(t, "lint", "--strict", "--kube-version", kubernetes, "--values", file, chartDir); err != nil || strings.Contains(out, "[WARNING]") {
			t.Errorf("helm lint with %s: %v\n%s%s", file, err, out, said)
		}
	}
}

// OPS-01, OPS-02, OPS-08: every pod, the doctor's too, is what the "restricted" pod security standard asks for, and asks for nothing of the cluster.
func TestChartPodsAreRestricted(t *testing.T) {
	t.Parallel()
	for _, file := range valueFiles(t) {
		found := pods(render(t, "--values", file))
		if len(found) != 2 {
			t.Fatalf("%s: pods %v", file, slices.Collect(maps.Keys(found)))
		}
		for name, spec := range found {
			for _, fault := range unrestricted(spec) {
				t.Errorf("%s: pod of %s: %s", file, name, fault)
			}
		}
	}
}

// unrestricted lists what the standard would not let pass, and what we promise beyond it.
func unrestricted(spec object) (faults []string) {
	expect := func(ok bool, what string) {
		if !ok {
			faults = append(faults, what)
		}
	}
	pod := spec.object("securityContext")
	expect(pod.at("runAsNonRoot") == true, "may run as root")
	user, _ := pod.at("runAsUser").(uint64)
	expect(user > 0, "has no user id")
	expect(pod.at("fsGroup") == pod.at("runAsGroup"), "gets its files for another group")
	expect(pod.text("fsGroupChangePolicy") == "OnRootMismatch", "has the whole volume looked through at each start")
	expect(pod.text("seccompProfile", "type") == "RuntimeDefault", "has no seccomp profile")
	expect(spec.at("automountServiceAccountToken") == false, "gets a token of the cluster")
	expect(spec.at("enableServiceLinks") == false, "gets variables of other services")
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC", "hostUsers"} {
		expect(spec.at(key) == nil, "asks for "+key)
	}
	for _, v := range spec.list("volumes") {
		expect(v["configMap"] != nil || v["secret"] != nil || v["emptyDir"] != nil || v["persistentVolumeClaim"] != nil, fmt.Sprintf("volume %v", v))
		if v["secret"] != nil {
			expect(v.at("secret", "defaultMode") == uint64(0o440), "secrets that others may read")
		}
	}
	containers := append(spec.list("containers"), spec.list("initContainers")...)
	expect(len(containers) == 1, "containers")
	for _, c := range containers {
		security := c.object("securityContext")
		expect(security.at("allowPrivilegeEscalation") == false, "escalation")
		expect(security.at("readOnlyRootFilesystem") == true, "a root that can be written")
		expect(cmp.Equal(security.at("capabilities"), map[string]any{"drop": []any{"ALL"}}), "capabilities")
		expect(c.at("ports", "hostPort") == nil, "a port of the host")
		for _, m := range c.list("volumeMounts") {
			expect(m.at("readOnly") == true || m.text("name") == "state", "writes to "+m.text("name"))
		}
	}
	return faults
}

// OPS-03, OPS-05: what there is of it with the embedded store, with Redis, and with autoscaling.
func TestChartShapes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		replicas any
		strategy string
		state    string // kind of the volume
		kinds    []string
	}{
		"embedded": {uint64(1), "Recreate", "persistentVolumeClaim", []string{"ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "Service"}},
		"redis": {uint64(2), "RollingUpdate", "emptyDir", []string{
			"ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PrometheusRule", "Service", "ServiceMonitor",
		}},
		"desk": {nil, "RollingUpdate", "emptyDir", []string{
			"ConfigMap", "Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service",
		}},
	} {
		objects := render(t, "--values", values(name))
		var kinds []string
		for _, o := range objects {
			kinds = append(kinds, o.text("kind"))
		}
		slices.Sort(kinds)
		if d := cmp.Diff(want.kinds, slices.Compact(kinds)); d != "" {
			t.Errorf("%s: kinds\n%s", name, d)
		}
		d := find(objects, "Deployment", "")
		if got := d.at("spec", "replicas"); got != want.replicas {
			t.Errorf("%s: replicas %v, want %v", name, got, want.replicas)
		}
		if got := d.text("spec", "strategy", "type"); got != want.strategy {
			t.Errorf("%s: strategy %s", name, got)
		}
		pod := d.object("spec", "template", "spec")
		volumes := pod.list("volumes")
		if i := slices.IndexFunc(volumes, func(v object) bool { return v.text("name") == "state" }); i < 0 || volumes[i][want.state] == nil {
			t.Errorf("%s: the state is in %v", name, volumes)
		}
		c := pod.list("containers")[0]
		for probe, path := range map[string]string{"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"} {
			if got := c.text(probe, "httpGet", "path"); got != path {
				t.Errorf("%s: %s asks %s", name, probe, got)
			}
		}
		if c.at("lifecycle", "preStop", "sleep") == nil || pod.at("terminationGracePeriodSeconds") != uint64(30) {
			t.Errorf("%s: no time to drain", name)
		}
		if d.text("spec", "template", "metadata", "annotations", "checksum/config") == "" {
			t.Errorf("%s: a changed configuration starts nothing anew", name)
		}
	}
}

// A changed configuration gives other pods; a changed label of the Service does not.
func TestChartRestartsForItsConfiguration(t *testing.T) {
	t.Parallel()
	sum := func(args ...string) string {
		d := find(render(t, append([]string{"--values", values("embedded")}, args...)...), "Deployment", "")
		return d.text("spec", "template", "metadata", "annotations", "checksum/config")
	}
	before := sum()
	if sum("--set", "config.recovery.link_life=20m") == before {
		t.Error("another configuration, the same pods")
	}
	if sum("--set", "service.port=8081") != before {
		t.Error("the same configuration, other pods")
	}
}

// OPS-06: ways in from where values say, out to names, Keycloak, mail and Redis, on the ports that the configuration names.
func TestChartNetworkPolicy(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"embedded": "in http from anywhere; out 53 53; out 443; out 587",
		"redis":    "in http from 1; in admin from 1; out 53 53; out 8443 to 1; out 465 to 1; out 6380 to 1",
		"desk":     "in http from anywhere; out 53 53; out 443; out 465; out 26379 6379",
	} {
		p := find(render(t, "--values", values(name)), "NetworkPolicy", "")
		var said []string
		for _, rule := range p.list("spec", "ingress") {
			from := "anywhere"
			if peers := rule.list("from"); len(peers) > 0 {
				from = fmt.Sprint(len(peers))
			}
			said = append(said, fmt.Sprintf("in %v from %s", rule.list("ports")[0]["port"], from))
		}
		for _, rule := range p.list("spec", "egress") {
			line := "out"
			for _, port := range rule.list("ports") {
				line += fmt.Sprintf(" %v", port["port"])
			}
			if peers := rule.list("to"); len(peers) > 0 {
				line += fmt.Sprintf(" to %d", len(peers))
			}
			said = append(said, line)
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if got := p.object("spec", "podSelector", "matchLabels"); got["app.kubernetes.io/component"] != nil {
			t.Errorf("%s: the doctor's pod is left out: %v", name, got)
		}
	}
}

// Issue 6: helm test reaches the pages where people do, and its client's secret is mounted for nobody else.
func TestChartDoctorsPod(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"embedded": "443 to 0", "redis": "443 to 1", "desk": "443 to 0"} {
		objects := render(t, "--values", values(name))
		policy, pod := find(objects, "NetworkPolicy", "-doctor"), find(objects, "Pod", "-doctor")
		rule := policy.list("spec", "egress")[0]
		if got := fmt.Sprintf("%v to %d", rule.list("ports")[0]["port"], len(rule.list("to"))); got != want {
			t.Errorf("%s: out to %s, want %s", name, got, want)
		}
		labels := pod.object("metadata", "labels")
		for key, value := range policy.object("spec", "podSelector", "matchLabels") {
			if labels[key] != value {
				t.Errorf("%s: the policy is for other pods: %s", name, key)
			}
		}
		for of, spec := range pods(objects) {
			mounted := slices.ContainsFunc(spec.list("volumes"), func(v object) bool { return v.text("secret", "secretName") == "otpbridge-doctor" })
			if mounted != (name == "redis" && of != "deployment") {
				t.Errorf("%s: the administrator's secret is mounted for %s: %v", name, of, mounted)
			}
		}
	}
}

// OIDC-18: where helm test cannot hand over what an administrator's client saw, it is told to look only; where it can, it hands that over.
func TestChartDoctorLooksOnlyWithoutAStoreToReach(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"embedded": true, "redis": false} {
		pod := find(render(t, "--values", values(name), "--set", "doctor.adminClient=doctor", "--set", "doctor.adminSecret=otpbridge-doctor"), "Pod", "-doctor")
		args := fmt.Sprint(pod.list("spec", "containers")[0]["args"])
		if got := strings.Contains(args, "--look-only"); got != want || !strings.Contains(args, "--admin-client=doctor") {
			t.Errorf("%s: helm test runs %s", name, args)
		}
	}
	if pod := find(render(t, "--values", values("embedded")), "Pod", "-doctor"); strings.Contains(fmt.Sprint(pod), "--look-only") {
		t.Error("without such a client there is nothing to look at only")
	}
}

// The Service leads to the pages only, and not to the doctor.
func TestChartServices(t *testing.T) {
	t.Parallel()
	objects := render(t, "--values", values("redis"))
	service, labels := find(objects, "Service", "otpbridge"), find(objects, "Deployment", "").object("spec", "template", "metadata", "labels")
	if ports := service.list("spec", "ports"); len(ports) != 1 || ports[0].text("targetPort") != "http" {
		t.Errorf("ports %v", ports)
	}
	doctor := find(objects, "Pod", "doctor").object("metadata", "labels")
	missed := false
	for key, value := range service.object("spec", "selector") {
		if labels[key] != value {
			t.Errorf("the pods are not selected by %s", key)
		}
		missed = missed || doctor[key] != value
	}
	if !missed {
		t.Error("requests are sent to the doctor")
	}
	if got := find(objects, "Ingress", "").list("spec", "rules")[0].text("host"); got != "otp.example.ac.jp" {
		t.Errorf("the ingress is for %q", got)
	}
}
