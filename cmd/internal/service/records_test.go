package service_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/web"
)

var update = flag.Bool("update", false, "write the fields of stored records that are new into testdata/records.json; those that were there stay")

// records are what the store holds under a version, each as a pointer to an empty one.
func records() map[string]any {
	return map[string]any{
		"recovery": &bridge.Recovery{}, "codes": &bridge.CodeSet{}, "temporary": &bridge.TemporaryCode{}, "link": &bridge.Pointer{},
		"failures": &bridge.Failures{}, "counted": &bridge.Counted{}, "permit": &bridge.Permit{}, "address": &bridge.AddressAsk{}, "change": &bridge.Change{}, "watch": &bridge.Watch{}, "journal": &bridge.Journal{},
		"gate": &keycloak.GateRecord{}, "doctor": &doctor.Report{},
		"session": &web.State{}, "names": &web.Names{}, "roles": &web.RoleSeen{}, "desk-log": &web.DeskLog{}, "look": &web.Look{},
	}
}

const goldenRecords = "testdata/records.json"

// STO-09: whatever stands in a record of an earlier release is read by this one, and written again as it was: no field has gone, or got another name or
// kind, under the same version. A field that is new stands in the golden records from its first release on.
func TestRecordsOfAnEarlierReleaseAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(goldenRecords)
	golden := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	now := map[string]json.RawMessage{}
	for name, record := range records() {
		if old, known := golden[name]; known {
			again(t, name, old, record)
		}
		whole := reflect.New(reflect.TypeOf(record).Elem())
		fill(whole.Elem(), name, 0)
		now[name] = encoded(t, whole.Interface())
		if !*update && !bytes.Equal(compact(t, golden[name]), now[name]) {
			t.Errorf("%s has a field that no golden record has; run the test with -update", name)
		}
	}
	for name := range golden {
		if _, known := now[name]; !known {
			t.Errorf("no kind of record is named %s any more", name)
		}
	}
	for _, name := range kinds(t) {
		if _, known := now[name]; !known {
			t.Errorf("no golden record of the kind %s", name)
		}
	}
	if *update && !t.Failed() {
		text, err := json.MarshalIndent(now, "", " ")
		if err == nil {
			err = os.WriteFile(goldenRecords, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

var kindNamed = regexp.MustCompile(`NewTyped\[([\w.]+)\]\(.*store\.Kind\{Name: "([a-z-]+)"`)

// kinds are the names of what this package stores, but for mere times.
func kinds(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range kindNamed.FindAllSubmatch(text, -1) {
			if string(found[1]) != "time.Time" {
				names = append(names, string(found[2]))
			}
		}
	}
	if len(names) < 10 {
		t.Errorf("the kinds are %v", names)
	}
	return names
}

// again wants a record to be read with all that it holds, and written with all of that.
func again(t *testing.T, name string, old json.RawMessage, record any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(old))
	d.DisallowUnknownFields()
	if err := d.Decode(record); err != nil {
		t.Errorf("%s of an earlier release: %v", name, err)
		return
	}
	var before, after any
	if err := json.Unmarshal(old, &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded(t, record), &after); err != nil {
		t.Fatal(err)
	}
	if lost := missing(before, after, name); lost != "" {
		t.Errorf("%s was lost", lost)
	}
}

// missing is where something of before is not in after, "" for nowhere.
func missing(before, after any, path string) string {
	switch old := before.(type) {
	case map[string]any:
		now, _ := after.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(old)) {
			if lost := missing(old[key], now[key], path+"."+key); lost != "" {
				return lost
			}
		}
		return ""
	case []any:
		now, _ := after.([]any)
		if len(now) != len(old) {
			return path
		}
		for i := range old {
			if lost := missing(old[i], now[i], fmt.Sprintf("%s[%d]", path, i)); lost != "" {
				return lost
			}
		}
		return ""
	}
	if !reflect.DeepEqual(before, after) {
		return path
	}
	return ""
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compact(t *testing.T, text json.RawMessage) []byte {
	t.Helper()
	var out bytes.Buffer
	if len(text) > 0 {
		if err := json.Compact(&out, text); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// deepest is how far fill goes: no record holds one of its own kind deeper than that.
const deepest = 8

// fill gives every field a value that is not empty and says where it stands.
func fill(v reflect.Value, path string, depth int) {
	if depth > deepest {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 29, 3, 4, 5, 6000000, time.UTC)))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"raw":1}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(path)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(len(path)))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(len(path)))
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path, depth+1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), path, depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, "key", depth+1)
		fill(value, path, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				fill(v.Field(i), f.Name, depth+1)
			}
		}
	default:
		panic(fmt.Sprintf("%s: a %s is not stored", path, v.Type()))
	}
}
