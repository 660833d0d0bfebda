package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// value reads what stands behind a key in the file.
func (r *reader) value(full string, f *field, node ast.Node) {
	pieces, ok := r.pieces(full, f, node)
	if !ok {
		return
	}
	texts := make([]string, 0, len(pieces))
	for _, p := range pieces {
		texts = append(texts, p.text)
	}
	r.take(full, f, origin{place: spot(node.GetToken()), kind: "file", text: strings.Join(texts, ", ")}, pieces)
}

// take sets a value, or notes what is wrong with it.
func (r *reader) take(full string, f *field, o origin, pieces []piece) {
	r.found[full] = o
	for _, p := range f.set(r.cfg, pieces) {
		r.fault(full, p.at, p.what, f.allowed)
	}
}

// pieces takes the scalars out of a node.
func (r *reader) pieces(full string, f *field, node ast.Node) ([]piece, bool) {
	if !f.list {
		text, wrong := scalar(node, f.shape)
		if wrong != nil {
			r.fault(full, spot(node.GetToken()), *wrong, f.allowed)
			return nil, false
		}
		return []piece{{text, spot(node.GetToken())}}, true
	}
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.fault(full, spot(node.GetToken()), wrongShape(node), Words{"a list, each ", "リスト。要素は "}.before(f.allowed))
		return nil, false
	}
	out, fine := make([]piece, 0, len(list.Values)), true
	for _, item := range list.Values {
		text, wrong := scalar(item, f.shape)
		if wrong != nil {
			r.fault(full, spot(item.GetToken()), *wrong, f.allowed)
			fine = false
		}
		out = append(out, piece{text, spot(item.GetToken())})
	}
	return out, fine
}

// before joins two messages.
func (w Words) before(next Words) Words { return Words{w.EN + next.EN, w.JA + next.JA} }

// scalar returns the text of a node of the wanted shape.
func scalar(node ast.Node, want shape) (string, *Words) {
	switch n := node.(type) {
	case *ast.StringNode:
		if want == text {
			return n.Value, nil
		}
	case *ast.LiteralNode:
		if want == text {
			return strings.TrimSuffix(n.Value.Value, "\n"), nil
		}
	case *ast.IntegerNode:
		if want == number {
			return n.Token.Value, nil
		}
	case *ast.BoolNode:
		if want == boolean {
			return n.Token.Value, nil
		}
	}
	w := wrongShape(node)
	return "", &w
}

// wrongShape says what a node is when something else is wanted.
func wrongShape(node ast.Node) Words {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return Words{"is a bare number; a time needs a unit, a text quotes", "が単なる数値です（時間には単位、文字列には引用符が必要です）"}
	case *ast.BoolNode:
		return Words{"is true or false without quotes", "が引用符のない真偽値です"}
	case *ast.NullNode:
		return Words{"is empty", "が空です"}
	case *ast.SequenceNode:
		return Words{"is a list", "がリストです"}
	case *ast.MappingNode, *ast.MappingValueNode:
		return Words{"is a section; a text with a colon needs quotes", "がセクションです（コロンを含む文字列には引用符が必要です）"}
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return Words{"uses an anchor, an alias or a tag", "にアンカー・エイリアス・タグが使われています"}
	}
	return Words{"is a text", "が文字列です"}
}

// serviceLinks are the variables that Kubernetes sets for a Service named otpbridge, and the one of the build.
var serviceLinks = regexp.MustCompile(`^OTPBRIDGE_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$|^OTPBRIDGE_CACHE$`)

// environment reads the variables that begin with the prefix; they override the file.
func (r *reader) environment(env []string) {
	byName := map[string]*field{}
	var names []string
	for _, f := range r.order {
		if name := f.env(); name != "" {
			byName[name] = f
			names = append(names, name)
		}
	}
	for _, pair := range slices.Sorted(slices.Values(env)) {
		name, value, _ := strings.Cut(pair, "=")
		f := byName[name]
		switch {
		case !strings.HasPrefix(name, envPrefix):
		case f != nil:
			at := place{env: name}
			r.take(f.path, f, origin{at, "environment", value}, f.split(value, at))
		case byName[name+"_FILE"] != nil:
			r.fault("", place{env: name}, Words{"is a secret in the environment", "は環境変数に置かれた秘密です"},
				Words{"the path of a file in %s_FILE", "%s_FILE にファイルのパス"}.With(name))
		case !serviceLinks.MatchString(name):
			r.fault("", place{env: name}, unknownVariable(name, names), Words{})
		}
	}
}

func unknownVariable(name string, names []string) Words {
	if near := nearest(name, names); near != "" {
		return Words{"belongs to no key; the nearest is %s", "に対応するキーはありません。近い名前: %s"}.With(near)
	}
	return Words{"belongs to no key", "に対応するキーはありません"}
}

// defaults fills in what neither file nor environment gave, and reports what has to be given.
func (r *reader) defaults() {
	redis := r.given("store.redis")
	for _, f := range r.order {
		skip := strings.HasPrefix(f.path, "store.redis.") && !redis || f.path == "store.bolt" && redis
		if _, ok := r.found[f.path]; ok || r.wrong[f.path] || strings.Contains(f.path, "[]") || skip {
			continue
		}
		if f.needed && f.path == r.later {
			continue
		}
		if f.needed {
			r.missing(f.path, f.allowed)
			continue
		}
		r.found[f.path] = origin{kind: "default", text: f.def}
		if f.def != "" {
			f.set(r.cfg, f.split(f.def, place{}))
		}
	}
}

// given tells whether a section stands in the file or a key of it was set.
func (r *reader) given(section string) bool {
	if _, ok := r.stands[section]; ok {
		return true
	}
	for key := range r.found {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}

// missing reports a key that has to be given, at the section it belongs to.
func (r *reader) missing(key string, allowed Words) {
	if !r.wrong[key] {
		r.fault(key, r.at(key), Words{"is missing", "がありません"}, allowed)
	}
}

// at is where a key stands, or the nearest section around it.
func (r *reader) at(key string) place {
	if o, ok := r.found[key]; ok && o.kind != "default" {
		return o.place
	}
	for {
		if p, ok := r.stands[key]; ok {
			return p
		}
		cut := strings.LastIndexAny(key, ".[")
		key = key[:max(cut, 0)]
	}
}
