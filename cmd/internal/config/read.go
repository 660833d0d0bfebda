package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"
	yamltoken "github.com/goccy/go-yaml/token"
)

const maxFile = 256 << 10

// origin says where the value in force comes from.
type origin struct {
	place
	kind string // "file", "environment" or "default"
	text string // as it was written
}

// reader collects a configuration and everything wrong with it.
type reader struct {
	cfg    *Config
	folder string // where relative paths begin
	index  map[string]*field
	order  []*field
	grow   map[string]func(*Config)
	found  map[string]origin // by path of the key; entries of lists are numbered: keycloak.addresses[0].email
	wrong  map[string]bool   // keys with a fault: nothing more is said about them
	stands map[string]place  // sections and keys of the file
	sizes  map[string]int    // bytes of the secret files that could be read
	digest digest
	faults Faults
	later  string // a key that has to be given and may be missing yet
}

// Load reads the file, the environment (NAME=value) and the files they name. It opens nothing else and sends nothing. An error is a
// *Faults with everything that is wrong, or says that the file cannot be read.
func Load(file string, env []string) (*Config, error) {
	cfg, _, err := Explain(file, env)
	return cfg, err
}

// LoadForRealm is Load for a realm that is not prepared yet: the id of the gate group, which Keycloak gives to it, may be missing.
func LoadForRealm(file string, env []string) (*Config, error) {
	r := newReader(file)
	r.later = gateGroupKey
	cfg, _, err := r.explain(env)
	return cfg, err
}

const gateGroupKey = "sign_in.gate_group"

// Explain is Load, and lists each value in force with its origin.
func Explain(file string, env []string) (*Config, []Value, error) {
	return newReader(file).explain(env)
}

func (r *reader) explain(env []string) (*Config, []Value, error) {
	text, err := readAll(r.faults.file)
	if err != nil {
		return nil, nil, err
	}
	if r.file(text) {
		r.environment(env)
		r.defaults()
		r.files()
		r.cross()
	}
	if len(r.faults.list) > 0 {
		r.faults.sort()
		return nil, nil, &r.faults
	}
	r.cfg.Hash = r.hash()
	return r.cfg, r.rows(), nil
}

func newReader(file string) *reader {
	r := &reader{
		cfg: &Config{Path: file}, folder: filepath.Dir(file), index: map[string]*field{}, order: fields(), grow: growers(),
		found: map[string]origin{}, wrong: map[string]bool{}, stands: map[string]place{"": {line: 1, col: 1}}, sizes: map[string]int{},
		digest: digest{}, faults: Faults{file: file},
	}
	for _, f := range r.order {
		r.index[f.path] = f
	}
	return r
}

// readAll reads a file that is no longer than it should be.
func readAll(file string) (_ []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("configuration: %s is longer than %d bytes", file, maxFile)
	}
	return text, nil
}

// fault notes what is wrong with a key.
func (r *reader) fault(key string, at place, what, allowed Words) {
	r.wrong[key] = true
	r.faults.list = append(r.faults.list, fault{at, key, what, allowed})
}

// file reads the YAML document. What is none says nothing about any key.
func (r *reader) file(text []byte) (readable bool) {
	doc, err := parseYAML(bytes.TrimPrefix(text, []byte("\ufeff"))) // as some editors begin a file
	if err != nil {
		at, message := syntax(err)
		r.fault("", at, Words{"is no YAML: " + message, "YAML として読めません: " + message}, Words{})
		return false
	}
	for i, d := range doc.Docs {
		if i > 0 && d.Body != nil {
			r.fault("", spot(d.Body.GetToken()), Words{"a second document", "二つ目の文書があります"}, Words{"one document", "一つの文書"})
			continue
		}
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			r.section("", d.Body)
		}
	}
	return true
}

// maxDepth is deeper than the configuration goes; the parser would take a stack frame for each bracket.
const maxDepth = 50

func parseYAML(text []byte) (*ast.File, error) {
	depth, deepest := 0, 0
	for _, b := range text {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		deepest = max(deepest, depth)
	}
	if deepest > maxDepth {
		return nil, errors.New("too many brackets")
	}
	return yamlparser.ParseBytes(text, 0, yamlparser.AllowDuplicateMapKey())
}

// syntax turns an error of the YAML parser into a place and a message without any of the file's text.
func syntax(err error) (place, string) {
	at := place{line: 1, col: 1}
	var positioned yaml.Error
	if errors.As(err, &positioned) && positioned.GetToken() != nil {
		at = spot(positioned.GetToken())
	}
	message := yaml.FormatError(err, false, false)
	if _, rest, ok := strings.Cut(message, "] "); ok && strings.HasPrefix(message, "[") {
		message = rest
	}
	message, _, _ = strings.Cut(message, "\n")
	if strings.ContainsAny(message, "\"'`") {
		message = "a value at the wrong place" // whatever the parser quotes could be a secret
	}
	return at, message
}

func spot(t *yamltoken.Token) place {
	if t == nil || t.Position == nil {
		return place{line: 1, col: 1}
	}
	return place{line: t.Position.Line, col: t.Position.Column}
}

// section reads a mapping whose keys stand below path.
func (r *reader) section(path string, node ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		r.fault(path, spot(node.GetToken()), wrongShape(node), Words{"keys with values", "キーと値の組"})
		return
	}
	seen := map[string]place{}
	for _, e := range entries {
		r.entry(path, e, seen)
	}
}

func (r *reader) entry(path string, e *ast.MappingValueNode, seen map[string]place) {
	at := spot(e.Key.GetToken())
	name, ok := keyName(e.Key)
	if !ok {
		r.fault(path, at, Words{"has a key that is no plain word", "のキーが単純な語ではありません"}, Words{})
		return
	}
	full := join(path, name)
	if first, doubled := seen[name]; doubled {
		r.fault(full, at, Words{"is given twice, first in line %d", "が重複しています（最初は %d 行目）"}.With(first.line), Words{})
		return
	}
	seen[name] = at
	known := generic(full)
	switch {
	case r.index[known] != nil:
		r.stands[full] = spot(e.Value.GetToken())
		r.value(full, r.index[known], e.Value)
	case r.grow[known] != nil:
		r.stands[full] = at
		r.entries(full, e.Value)
	case r.isSection(known):
		r.stands[full] = at
		r.section(full, e.Value)
	default:
		r.unknown(full, at)
	}
}

// keyName takes plain words only: a secret pasted at the wrong place is not repeated in a message.
func keyName(key ast.MapKeyNode) (string, bool) {
	s, ok := key.(*ast.StringNode)
	if !ok || len(s.Value) > 40 || strings.Trim(s.Value, "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" || s.Value == "" {
		return "", false
	}
	return s.Value, true
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// generic takes the numbers of list entries out of a path.
func generic(path string) string {
	var out strings.Builder
	inside := false
	for _, c := range path {
		inside = inside && c != ']'
		if !inside {
			out.WriteRune(c)
		}
		inside = inside || c == '['
	}
	return out.String()
}

func (r *reader) isSection(path string) bool {
	for _, f := range r.order {
		if strings.HasPrefix(f.path, path+".") {
			return true
		}
	}
	return false
}

// entries reads a list of sections.
func (r *reader) entries(path string, node ast.Node) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.fault(path, spot(node.GetToken()), wrongShape(node), Words{"a list", "リスト"})
		return
	}
	for i, item := range list.Values {
		r.grow[generic(path)](r.cfg)
		entry := fmt.Sprintf("%s[%d]", path, i)
		r.stands[entry] = spot(item.GetToken())
		r.section(entry, item)
	}
}

// unknown reports a key that there is not, with the name that was probably meant.
func (r *reader) unknown(full string, at place) {
	parent := full[:strings.LastIndexByte(full, '.')+1]
	what := Words{"is no key", "というキーはありません"}
	if near := nearest(generic(full), r.siblings(generic(parent))); near != "" {
		what = Words{"is no key; the nearest is %s", "というキーはありません。近いキー: %s"}.With(strings.Replace(near, generic(parent), parent, 1))
	} else if other := r.elsewhere(full[len(parent):]); other != "" {
		what = Words{"is no key; there is %s", "というキーはありません。%s ならあります"}.With(other)
	}
	r.fault(full, at, what, Words{})
}

// siblings lists the keys and sections directly below parent.
func (r *reader) siblings(parent string) []string {
	var names []string
	for _, f := range r.order {
		if rest, ok := strings.CutPrefix(f.path, parent); ok {
			first, _, _ := strings.Cut(rest, ".")
			names = append(names, parent+strings.TrimSuffix(first, "[]"))
		}
	}
	return names
}

// elsewhere finds a key of the same name in another section.
func (r *reader) elsewhere(name string) string {
	for _, f := range r.order {
		if strings.HasSuffix(f.path, "."+name) {
			return f.path
		}
	}
	return ""
}
