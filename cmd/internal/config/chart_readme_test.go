package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const chartFolder = "../../../charts/otpbridge/"

// OPS-07: every value of the chart stands in its README, with its default and what it means; -update writes the table anew.
func TestChartReadmeNamesEveryValue(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile(chartFolder + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- values -->\n", "<!-- end of values -->"
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the README has no marks for values")
	}
	want := head + begin + valueTable(t) + end + tail
	if *update {
		if err := os.WriteFile(chartFolder+"README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, string(old)); d != "" {
		t.Error(d)
	}
}

// valueNode is a part of the chart's schema as a reader of values needs it.
type valueNode struct {
	Description string
	Properties  map[string]*valueNode
}

func valueTable(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(chartSchema)
	if err != nil {
		t.Fatal(err)
	}
	var root valueNode
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(chartFolder + "values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var defaults yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(file, &defaults, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("\n| value | default | meaning |\n|---|---|---|\n")
	valueRows(t, &out, "", defaults, root.Properties)
	return out.String() + "\n"
}

// valueRows writes a row for each value, in the order of values.yaml. A value without a schema, or the other way round, is a fault.
func valueRows(t *testing.T, out *strings.Builder, prefix string, defaults yaml.MapSlice, known map[string]*valueNode) {
	t.Helper()
	if len(defaults) != len(known) {
		t.Errorf("%q: values.yaml has %d values, the schema %d", prefix, len(defaults), len(known))
	}
	for _, item := range defaults {
		name := fmt.Sprint(item.Key)
		node := known[name]
		if node == nil {
			t.Errorf("%s%s stands in no schema", prefix, name)
			continue
		}
		below, section := item.Value.(yaml.MapSlice)
		if section && len(below) > 0 && node.Properties != nil && name != "config" && name != "resources" {
			valueRows(t, out, prefix+name+".", below, node.Properties)
			continue
		}
		if node.Description == "" {
			t.Errorf("%s%s has no description", prefix, name)
		}
		fmt.Fprintf(out, "| `%s%s` | `%s` | %s |\n", prefix, name, defaultText(t, item.Value), cell(node.Description))
	}
}

// defaultText writes a default as JSON, which is YAML on one line.
func defaultText(t *testing.T, value any) string {
	t.Helper()
	if section, ok := value.(yaml.MapSlice); ok {
		var parts []string
		for _, item := range section {
			parts = append(parts, fmt.Sprintf("%v: %s", item.Key, defaultText(t, item.Value)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if s, ok := value.(string); ok && s != "" {
		return s
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
