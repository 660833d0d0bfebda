package chart

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// OPS-04, OPS-05: what names another object names one that is there: ways in, scaling, disruption, metrics, volumes. A port of the base URL is no part of a host.
func TestChartObjectsNameEachOther(t *testing.T) {
	t.Parallel()
	const host = "otp.example.ac.jp"
	redis := render(t, "--values", values("redis"), "--set", "config.base_url=https://"+host+":8443")
	desk := render(t, "--values", values("desk"), "--set", "config.base_url=https://"+host+":8443")
	embedded := render(t, "--values", values("embedded"))
	service := find(redis, "Service", "otpbridge")
	name, port := service.text("metadata", "name"), service.list("spec", "ports")[0]

	ingress := find(redis, "Ingress", "")
	rule := ingress.list("spec", "rules")[0]
	backend := rule.object("http").list("paths")[0].object("backend", "service")
	same(t, "the ingress", []any{rule["host"], ingress.list("spec", "tls")[0]["hosts"], backend["name"], backend.at("port", "name")},
		[]any{host, []any{host}, name, port["name"]})
	route := find(desk, "HTTPRoute", "")
	to := route.list("spec", "rules")[0].list("backendRefs")[0]
	same(t, "the route", []any{route.at("spec", "hostnames"), to["name"], to["port"]}, []any{[]any{host}, name, port["port"]})

	scaled := find(desk, "HorizontalPodAutoscaler", "").object("spec", "scaleTargetRef")
	same(t, "what is scaled", []any{scaled["kind"], scaled["name"]}, []any{"Deployment", find(desk, "Deployment", "").text("metadata", "name")})
	monitor, admin := find(redis, "ServiceMonitor", ""), find(redis, "Service", "-admin")
	same(t, "the port of the metrics", monitor.list("spec", "endpoints")[0]["port"], admin.list("spec", "ports")[0]["name"])
	picks(t, "the monitor", monitor.object("spec", "selector", "matchLabels"), admin.object("metadata", "labels"))
	pod := find(redis, "Deployment", "").object("spec", "template", "metadata", "labels")
	for what, selector := range map[string]object{
		"the deployment": find(redis, "Deployment", "").object("spec", "selector", "matchLabels"), "the metrics": admin.object("spec", "selector"),
		"the disruption budget": find(redis, "PodDisruptionBudget", "").object("spec", "selector", "matchLabels"),
	} {
		picks(t, what, selector, pod)
	}
	for _, spec := range pods(embedded) {
		for _, v := range spec.list("volumes") {
			for kind, at := range map[string]string{"ConfigMap": v.text("configMap", "name"), "PersistentVolumeClaim": v.text("persistentVolumeClaim", "claimName")} {
				if at != "" {
					same(t, "a volume", at, find(embedded, kind, "").text("metadata", "name"))
				}
			}
		}
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want, +got):\n%s", what, d)
	}
}

// picks wants a selector to choose what has these labels.
func picks(t *testing.T, what string, selector, labels object) {
	t.Helper()
	if len(selector) == 0 {
		t.Errorf("%s chooses everything", what)
	}
	for key, value := range selector {
		if fmt.Sprint(labels[key]) != fmt.Sprint(value) {
			t.Errorf("%s wants %s=%v, there is %v", what, key, value, labels[key])
		}
	}
}
