package prometheus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// v2 reads an io.prometheus.write.v2.Request.
func (d *decoder) v2(m []byte) error {
	// Symbols may come after the series that use them.
	d.symbols = d.symbols[:0]
	for rest := m; len(rest) > 0; {
		f, r, err := next(rest)
		if err != nil {
			return undecodable(err)
		}
		rest = r
		if f.number != 4 {
			continue
		}
		if err := f.is(bytes); err != nil {
			return undecodable(err)
		}
		d.symbols = append(d.symbols, f.data)
	}
	if len(d.symbols) > 0 && len(d.symbols[0]) > 0 {
		return errors.New("the first symbol is not the empty string")
	}
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return undecodable(err)
		}
		m = rest
		if f.number != 5 {
			continue
		}
		if err := f.is(bytes); err != nil {
			return undecodable(err)
		}
		if err := d.timeSeries2(f.data); err != nil {
			return err
		}
	}
	return nil
}

var errHistogram2 = errors.New("native histograms are not supported")

// timeSeries2 reads an io.prometheus.write.v2.TimeSeries.
func (d *decoder) timeSeries2(m []byte) error {
	s := &d.series
	s.reset()
	d.refs = d.refs[:0]
	var about family
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return undecodable(err)
		}
		m = rest
		switch f.number {
		case 1:
			if err := d.labelRefs(f); err != nil {
				return undecodable(err)
			}
		case 2:
			if err := f.is(bytes); err != nil {
				return undecodable(err)
			}
			ms, v, err := sample(f.data)
			if err != nil {
				return undecodable(err)
			}
			s.samples = append(s.samples, point{ms, v})
		case 3:
			return errHistogram2
		case 5:
			if about, err = d.metadata2(f); err != nil {
				return err
			}
		}
	}
	if len(d.refs)%2 != 0 {
		return errors.New("labels_refs has an odd length")
	}
	d.labels = d.labels[:0]
	for i := 0; i < len(d.refs); i += 2 {
		name, err := d.symbol(uint64(d.refs[i]))
		if err != nil {
			return err
		}
		value, err := d.symbol(uint64(d.refs[i+1]))
		if err != nil {
			return err
		}
		d.labels = appendLabel(d.labels, name, value)
	}
	s.raw = d.labels
	described := about.kind != 0 || len(about.help)+len(about.unit) > 0
	done := false
	if n := len(d.labels); n > 0 && d.recall.Guess(d.labels) == n || d.recall.Find(d.labels) {
		var err error
		if done, err = d.addAgain(); err != nil {
			return err
		}
	}
	if !done || described {
		if err := d.labelsOf(s); err != nil {
			return err
		}
	}
	if !done {
		if err := d.flush(); err != nil {
			return err
		}
	}
	if described {
		about.name, about.database = s.name, s.database
		d.families = append(d.families, about)
	}
	return nil
}

// labelsOf reads the labels that the references name, which there are.
func (d *decoder) labelsOf(s *series) error {
	for i := 0; i < len(d.refs); i += 2 {
		if err := s.label(d.symbols[d.refs[i]], d.symbols[d.refs[i+1]]); err != nil {
			return err
		}
	}
	return nil
}

// appendLabel appends a label as protocol 1.0 has it.
func appendLabel(dst, name, value []byte) []byte {
	if size := 4 + len(name) + len(value); size < 0x80 {
		dst = append(dst, 1<<3|byte(bytes), byte(size), 1<<3|byte(bytes), byte(len(name)))
		dst = append(append(dst, name...), 2<<3|byte(bytes), byte(len(value)))
		return append(dst, value...)
	}
	size := 2 + uvarintSize(uint64(len(name))) + len(name) + uvarintSize(uint64(len(value))) + len(value)
	dst = binary.AppendUvarint(append(dst, 1<<3|byte(bytes)), uint64(size))
	return appendBytesField(appendBytesField(dst, 1, name), 2, value)
}

// labelRefs reads labels_refs, packed or not.
func (d *decoder) labelRefs(f field) error {
	if f.kind == varint {
		return d.ref(f.n)
	}
	if err := f.is(bytes); err != nil {
		return err
	}
	for m := f.data; len(m) > 0; {
		n, rest, err := uvarint(m)
		if err != nil {
			return err
		}
		m = rest
		if err := d.ref(n); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) ref(n uint64) error {
	if n > 1<<32-1 {
		return fmt.Errorf("a reference to the symbol %d", n)
	}
	d.refs = append(d.refs, uint32(n))
	return nil
}

func (d *decoder) symbol(ref uint64) ([]byte, error) {
	if ref >= uint64(len(d.symbols)) {
		return nil, fmt.Errorf("a reference to the symbol %d of %d", ref, len(d.symbols))
	}
	return d.symbols[ref], nil
}

// metadata2 reads an io.prometheus.write.v2.Metadata.
func (d *decoder) metadata2(f field) (about family, err error) {
	if err := f.is(bytes); err != nil {
		return about, undecodable(err)
	}
	for m := f.data; len(m) > 0; {
		var part field
		if part, m, err = next(m); err != nil {
			return about, undecodable(err)
		}
		switch part.number {
		case 1, 3, 4:
			if err := part.is(varint); err != nil {
				return about, undecodable(err)
			}
		}
		switch part.number {
		case 1:
			about.kind = part.n
		case 3:
			about.help, err = d.symbol(part.n)
		case 4:
			about.unit, err = d.symbol(part.n)
		}
		if err != nil {
			return about, err
		}
	}
	return about, nil
}
