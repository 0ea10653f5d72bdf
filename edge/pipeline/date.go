package pipeline

import (
	"fmt"
	"time"

	"tarn/edge/query/text"
)

// dateOp makes a timestamp in ns of a text.
type dateOp struct {
	formats []dateFormat // none for the usual ones
	zone    *time.Location
}

func buildDate(o *options) step {
	op := &dateOp{zone: time.UTC}
	o.text("locale", "") // names of days and months are English
	if name := o.text("timezone", ""); name != "" {
		var err error
		if op.zone, err = text.Zone(name); err != nil {
			o.fail(o.lineOf("timezone"), "timezone: %v", err)
		}
	}
	for _, n := range o.texts("formats", "") {
		f, err := parseFormat(n.text)
		if err != nil {
			o.fail(n.line, "format %q: %v", n.text, err)
			continue
		}
		op.formats = append(op.formats, f)
	}
	return eachField(o, op)
}

func (d *dateOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	ns, ok := int64(0), false
	if len(d.formats) == 0 {
		ns, ok = parseUsual(v.text, d.zone)
	}
	for i := 0; i < len(d.formats) && !ok; i++ {
		ns, ok = d.formats[i].parse(v.text, d.zone)
	}
	if !ok {
		return fmt.Errorf("field %s: %s is no date of the given formats", f.from, shown(v.text))
	}
	r.record.Set(f.to, TimeOf(ns, Nanosecond))
	return nil
}

// parseUsual reads 2024-05-01T10:00:00, with a fraction or without, followed
// by an offset, Z or nothing.
func parseUsual(s string, zone *time.Location) (ns int64, ok bool) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	c := clock{hasDate: true}
	ok = true
	num := func(from, to int) (n int) {
		for _, d := range []byte(s[from:to]) {
			if d < '0' || d > '9' {
				ok = false
			}
			n = n*10 + int(d-'0')
		}
		return n
	}
	c.year, c.month, c.day = num(0, 4), num(5, 7), num(8, 10)
	c.hour, c.minute, c.second = num(11, 13), num(14, 16), num(17, 19)
	if !ok {
		return 0, false
	}
	s = s[19:]
	if s != "" && s[0] == '.' {
		if c.nanos, s, ok = readFraction(s[1:], 9); !ok {
			return 0, false
		}
	}
	if s != "" {
		if s, ok = c.readOffset(s); !ok || s != "" {
			return 0, false
		}
	}
	return c.unix(zone)
}
