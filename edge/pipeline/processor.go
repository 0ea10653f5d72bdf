package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// step is one compiled processor.
type step interface {
	// run changes the runner's record; keep false drops it.
	run(r *Runner) (keep bool, err error)
}

// builders make the processors from their options, by name.
var builders = map[string]func(o *options) step{
	"cmcd":           buildCMCD,
	"csv":            buildCSV,
	"date":           buildDate,
	"decolorize":     buildDecolorize,
	"digest":         buildDigest,
	"dissect":        buildDissect,
	"epoch":          buildEpoch,
	"filter":         buildFilter,
	"gsub":           buildGsub,
	"join":           buildJoin,
	"json_parse":     buildJSONParse,
	"json_path":      buildJSONPath,
	"letter":         buildLetter,
	"regex":          buildRegex,
	"select":         buildSelect,
	"simple_extract": buildSimpleExtract,
	"urlencoding":    buildURLEncoding,
}

// buildStep makes a processor of a list's item: a mapping with its name as
// the one key.
func buildStep(n *node) (step, error) {
	if !n.isMap || len(n.pairs) != 1 {
		return nil, textErrorf(n.line, "a processor must be a mapping with its name as the one key")
	}
	p := n.pairs[0]
	build, ok := builders[p.key]
	if !ok {
		if p.key == "vrl" {
			return nil, textErrorf(p.line, "unsupported processor vrl: there is no VRL in this server; use %s",
				strings.Join(slices.Sorted(maps.Keys(builders)), ", "))
		}
		return nil, textErrorf(p.line, "unknown processor %q; there are %s", p.key, strings.Join(slices.Sorted(maps.Keys(builders)), ", "))
	}
	o := newOptions("processor "+p.key, p.value)
	if o.err != nil {
		return nil, o.err
	}
	s := build(o)
	return s, o.finish()
}

// op does a processor's work for one field.
type op interface {
	// apply takes the value of f.from, which is neither missing nor null.
	apply(r *Runner, f *field, v Value) error
}

// each runs an op for each of its fields.
type each struct {
	name          string
	fields        []field
	ignoreMissing bool
	op            op
}

// eachField makes a step of an op with the options that all have.
func eachField(o *options, p op) step {
	return &each{name: strings.TrimPrefix(o.what, "processor "), fields: o.fields(), ignoreMissing: o.flag("ignore_missing", false), op: p}
}

func (e *each) run(r *Runner) (bool, error) {
	for i := range e.fields {
		f := &e.fields[i]
		v := r.record.Get(f.from)
		if v == nil || v.kind == Null {
			if e.ignoreMissing {
				continue
			}
			return true, missing(e.name, f.from)
		}
		if err := e.op.apply(r, f, *v); err != nil {
			return true, failed(e.name, err)
		}
	}
	return true, nil
}

func missing(processor, field string) error {
	return failed(processor, fmt.Errorf("missing field: %s", field))
}

// failed is an error of a processor, in the words that clients know.
func failed(processor string, err error) error {
	return &RecordError{"Processor " + processor + ": " + err.Error()}
}

// RecordError is what is wrong with a record, as the client reads it.
type RecordError struct{ msg string }

func (e *RecordError) Error() string { return e.msg }

func expected(what string, f *field, v *Value) error {
	return fmt.Errorf("expect %s value, but got %s in field %s", what, v.kind, f.from)
}

// maxShown bounds a value in an error text, in bytes.
const maxShown = 100

// shown is a text for an error.
func shown(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

// maxMade bounds a text that a processor makes, in bytes: replacements could
// otherwise make a small record large.
const maxMade = 16 << 20

func tooLong(f *field) error {
	return fmt.Errorf("the result for field %s is longer than %d bytes", f.from, maxMade)
}

// textOp is an op from text to text.
type textOp struct {
	do func(b []byte, s string) ([]byte, error)
}

func (t textOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	b, err := t.do(r.record.arena.begin(len(v.text)), v.text)
	if err != nil {
		return err
	}
	if len(b) > maxMade {
		return tooLong(f)
	}
	r.record.Set(f.to, StringOf(r.record.arena.end(b)))
	return nil
}
