package chart

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// The shipped alerts are rules that Prometheus takes, each rings when it should and is silent when all is well.
func TestAlerts(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check", "rules", chartDir + "/alerts.yaml"}, {"test", "rules", chartDir + "/ci/alerts-test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	ours := alerts(t)
	tests, err := os.ReadFile(chartDir + "/ci/alerts-test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range ours.list("groups")[0].list("rules") {
		if strings.Count(string(tests), "alertname: "+rule.text("alert")+"\n")+strings.Count(string(tests), "alertname: "+rule.text("alert")+"}") < 2 {
			t.Errorf("%s is not tested to ring and to be silent", rule.text("alert"))
		}
	}
	rendered := find(render(t, "--values", values("redis")), "PrometheusRule", "")
	if d := cmp.Diff(ours.at("groups"), rendered.at("spec", "groups")); d != "" {
		t.Errorf("the chart renders other alerts:\n%s", d)
	}
}

// Alerts look at figures that there are.
func TestAlertsNameFigures(t *testing.T) {
	t.Parallel()
	known, err := os.ReadFile(root + "/docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, rule := range alerts(t).list("groups")[0].list("rules") {
		named = append(named, regexp.MustCompile(`otpbridge_[a-z_]+`).FindAllString(rule.text("expr"), -1)...)
	}
	slices.Sort(named)
	for _, name := range slices.Compact(named) {
		if !strings.Contains(string(known), "`"+strings.TrimSuffix(name, "_count")) {
			t.Errorf("%s stands in no document", name)
		}
	}
	if len(named) < 8 {
		t.Errorf("only %v", named)
	}
}

// Whoever is woken finds a row in docs/operations.md: for each alert by its name, for each event that an alert names, for each part of /readyz.
func TestAlertsAreInTheHandbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## Alarms, and what to do\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var seen strings.Builder // the first column
	for row := range strings.Lines(table) {
		if cells := strings.Split(row, " | "); len(cells) == 3 {
			seen.WriteString(cells[0] + "\n")
		}
	}
	wanted := []string{"store", "sign_in", "service_account", "process"}
	for _, rule := range alerts(t).list("groups")[0].list("rules") {
		wanted = append(wanted, rule.text("alert"))
		for _, m := range regexp.MustCompile(`event=~"([^"]+)"`).FindAllStringSubmatch(rule.text("expr"), -1) {
			wanted = append(wanted, strings.Split(strings.ReplaceAll(m[1], `\\`, ""), "|")...)
		}
	}
	for _, name := range wanted {
		if !strings.Contains(seen.String(), "`"+name+"`") {
			t.Errorf("no row says what to do about %s", name)
		}
	}
	if !found || len(wanted) < 25 {
		t.Errorf("only %v", wanted)
	}
}

func alerts(t *testing.T) object {
	t.Helper()
	text, err := os.ReadFile(chartDir + "/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
