package pipeline

import (
	"slices"
	"strconv"
	"strings"
)

// options are the settings of a processor or transform: a mapping that is read
// key by key. The first error stays; finish reports it, or a key that nobody
// asked for.
type options struct {
	what  string // for errors: "processor date"
	node  *node
	asked []string
	err   error
}

func newOptions(what string, n *node) *options {
	o := &options{what: what, node: n}
	if n.isNull() {
		n.isMap = true
	}
	if !n.isMap {
		o.fail(n.line, "must be a mapping")
	}
	return o
}

func (o *options) fail(line int, format string, args ...any) {
	if o.err == nil {
		o.err = textErrorf(line, o.what+": "+format, args...)
	}
}

// get finds a key's value, or nil.
func (o *options) get(key string) *node {
	o.asked = append(o.asked, key)
	for _, p := range o.node.pairs {
		if p.key == key && !p.value.isNull() {
			return p.value
		}
	}
	return nil
}

// text is a scalar as it was written.
func (o *options) text(key, otherwise string) string {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	if !n.isScalar() {
		o.fail(n.line, "%s must be a string", key)
	}
	return n.text
}

// need is text that must be there.
func (o *options) need(key string) string {
	n := o.get(key)
	if n == nil {
		o.fail(o.node.line, "%s is missing", key)
		return ""
	}
	if !n.isScalar() {
		o.fail(n.line, "%s must be a string", key)
	}
	return n.text
}

func (o *options) flag(key string, otherwise bool) bool {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	if n.value.kind == Bool {
		return n.value.Bool()
	}
	b, err := strconv.ParseBool(n.text)
	if err != nil || !n.isScalar() {
		o.fail(n.line, "%s must be true or false", key)
	}
	return b
}

// oneOf is a text that must be one of those given; the first is the default.
func (o *options) oneOf(key string, among ...string) string {
	s := o.text(key, among[0])
	if !slices.Contains(among, s) {
		o.fail(o.lineOf(key), "%s must be one of %s, not %q", key, strings.Join(among, ", "), s)
	}
	return s
}

// texts is a list of scalars, or one of them; single is another name for it.
func (o *options) texts(key, single string) []*node {
	n := o.get(key)
	if single != "" {
		switch one := o.get(single); {
		case n == nil:
			n = one
		case one != nil:
			o.fail(one.line, "%s and %s are both there", key, single)
		}
	}
	if n == nil {
		return nil
	}
	list := []*node{n}
	if n.isList {
		list = n.list
	}
	for _, item := range list {
		if !item.isScalar() {
			o.fail(item.line, "%s must be a list of strings", key)
		}
	}
	return list
}

func (o *options) lineOf(key string) int {
	for _, p := range o.node.pairs {
		if p.key == key {
			return p.value.line
		}
	}
	return o.node.line
}

// finish is the first error of all.
func (o *options) finish() error {
	if o.err != nil {
		return o.err
	}
	for _, p := range o.node.pairs {
		if !slices.Contains(o.asked, p.key) {
			return textErrorf(p.line, "%s: unknown option %s", o.what, p.key)
		}
	}
	return nil
}

// field is one input of a processor or transform and the name of its output.
type field struct {
	from, to string
	line     int
}

// renamed says whether the output has a name of its own.
func (f *field) renamed() bool { return f.from != f.to }

// fields reads field or fields: "src", "src, dst" or {key: src, rename_to: dst}.
func (o *options) fields() []field {
	n := o.get("fields")
	one := o.get("field")
	switch {
	case n == nil:
		n = one
	case one != nil:
		o.fail(one.line, "field and fields are both there")
	}
	if n == nil {
		o.fail(o.node.line, "field or fields is missing")
		return nil
	}
	list := []*node{n}
	if n.isList {
		list = n.list
	}
	var out []field
	for _, item := range list {
		out = append(out, o.field(item))
	}
	if len(out) == 0 {
		o.fail(n.line, "fields is empty")
	}
	return out
}

func (o *options) field(n *node) field {
	f := field{line: n.line}
	switch {
	case n.isMap:
		inner := &options{what: o.what, node: n}
		f.from = inner.need("key")
		f.to = inner.text("rename_to", f.from)
		if err := inner.finish(); err != nil && o.err == nil {
			o.err = err
		}
	case n.isScalar():
		from, to, ok := strings.Cut(n.text, ",")
		f.from = strings.TrimSpace(from)
		if f.to = f.from; ok {
			f.to = strings.TrimSpace(to)
		}
		if strings.Contains(f.to, ",") {
			o.fail(n.line, "the field %q has more than one comma", n.text)
		}
	default:
		o.fail(n.line, "a field must be a string")
		return f
	}
	if f.from == "" || f.to == "" {
		o.fail(n.line, "a field without a name")
	}
	return f
}
