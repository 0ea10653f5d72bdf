package pipeline

import "fmt"

// jsonParseOp makes a structured value of a text with an object or array.
type jsonParseOp struct{}

func buildJSONParse(o *options) step { return eachField(o, jsonParseOp{}) }

func (jsonParseOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	d := &r.decoder
	d.s, d.pos, d.depth, d.count, d.arena, d.stack = v.text, 0, 0, 0, &r.record.arena, d.stack[:0]
	parsed, err := d.whole()
	if err != nil {
		return fmt.Errorf("field %s: %w", f.from, err)
	}
	if parsed.kind != Map && parsed.kind != List {
		return fmt.Errorf("field %s: expect a JSON object or array, but got %s", f.from, parsed.kind)
	}
	r.record.Set(f.to, parsed)
	return nil
}

// whole reads a text that is one value.
func (d *decoder) whole() (Value, error) {
	d.blanks()
	v, err := d.value()
	if err != nil {
		return v, err
	}
	if d.blanks(); d.pos < len(d.s) {
		return v, d.fail("invalid JSON: more than one value")
	}
	return v, nil
}
