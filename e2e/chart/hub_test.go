package chart

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// OPS-11, SC-07: what Artifact Hub shows of the chart is true: the image that a release starts, the licence that lies here, whether it is one to rely on,
// what changed; and the changelog has this version.
func TestChartTellsTheHub(t *testing.T) {
	t.Parallel()
	var chart struct {
		Version     string
		AppVersion  string `yaml:"appVersion"`
		Annotations map[string]string
	}
	read(t, chartDir+"/Chart.yaml", &chart)
	says := func(name string, into any) {
		if err := yaml.Unmarshal([]byte(chart.Annotations["artifacthub.io/"+name]), into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var images []struct{ Name, Image string }
	says("images", &images)
	started := find(render(t, "--values", values("embedded")), "Deployment", "").object("spec", "template", "spec").list("containers")[0].text("image")
	if len(images) != 1 || images[0].Image != started {
		t.Errorf("images %v, a pod starts %s", images, started)
	}
	licence, err := os.ReadFile(root + "/LICENSE")
	if err != nil || chart.Annotations["artifacthub.io/license"] != "Apache-2.0" || !strings.Contains(string(licence), "Apache License") {
		t.Errorf("licence %q (%v)", chart.Annotations["artifacthub.io/license"], err)
	}
	var before bool
	says("prerelease", &before)
	if before != strings.HasPrefix(chart.Version, "0.") {
		t.Errorf("version %s, prerelease %v", chart.Version, before)
	}
	var links []struct{ Name, URL string }
	says("links", &links)
	var changes []struct{ Kind, Description string }
	says("changes", &changes)
	for _, c := range changes {
		if !slices.Contains([]string{"added", "changed", "deprecated", "removed", "fixed", "security"}, c.Kind) || c.Description == "" {
			t.Errorf("change %+v", c)
		}
	}
	log, err := os.ReadFile(root + "/CHANGELOG.md")
	if err != nil || len(changes) == 0 || len(links) == 0 || !strings.Contains(string(log), "\n## "+chart.AppVersion+",") {
		t.Errorf("changes %v, links %v; the changelog begins %.80q (%v)", changes, links, log, err)
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
