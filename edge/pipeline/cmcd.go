package pipeline

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// cmcdOp reads Common Media Client Data (CTA-5004): comma-separated
// key=value pairs, whose kinds are fixed by their keys.
type cmcdOp struct{}

var (
	cmcdInts  = []string{"br", "bl", "d", "dl", "mtp", "rtp", "tb"}
	cmcdBools = []string{"bs", "su"}
	cmcdTexts = []string{"cid", "nrr", "ot", "sf", "sid", "st", "v"}
)

func buildCMCD(o *options) step { return eachField(o, cmcdOp{}) }

func (cmcdOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	for rest, more := v.text, true; more; {
		var item string
		item, rest, more = cutUnquoted(rest)
		key, text, hasText := strings.Cut(strings.TrimSpace(item), "=")
		value, err := cmcdValue(key, text, hasText)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.from, err)
		}
		if value.kind == Null {
			continue // of another version of the standard, or of a vendor
		}
		b := r.record.arena.begin(len(f.to) + 4)
		b = append(append(append(b, f.to...), '_'), key...)
		r.record.Set(r.record.arena.end(b), value)
	}
	return nil
}

// cutUnquoted cuts at the first comma outside of quotes.
func cutUnquoted(s string) (item, rest string, more bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func cmcdValue(key, text string, hasText bool) (Value, error) {
	switch {
	case slices.Contains(cmcdBools, key):
		// A key without a value is true.
		return BoolOf(text != "false"), nil
	case slices.Contains(cmcdInts, key):
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Value{}, fmt.Errorf("%s must be an integer, not %s", key, shown(text))
		}
		return IntOf(i), nil
	case key == "pr":
		p, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Value{}, fmt.Errorf("pr must be a number, not %s", shown(text))
		}
		return FloatOf(p), nil
	case !hasText:
		return Value{}, nil
	case key == "nor":
		u, err := url.PathUnescape(text)
		if err != nil {
			return Value{}, fmt.Errorf("nor: %w", err)
		}
		return StringOf(strings.ToValidUTF8(u, "\ufffd")), nil
	case slices.Contains(cmcdTexts, key):
		return StringOf(text), nil
	}
	return Value{}, nil
}
