package agg

import "tarn/store/column"

// bits is bit_and, bit_or and bit_xor over integers. Unsigned ones go through
// the same words as signed ones.
type bits struct {
	op    byte // '&', '|' or '^'
	value []uint64
	seen  []bool
}

func newBits(s Spec) State {
	return &bits{op: map[string]byte{"bit_and": '&', "bit_or": '|', "bit_xor": '^'}[s.Name]}
}

func (b *bits) Grow(n int) {
	from := len(b.value)
	b.value, b.seen = resize(b.value, n), resize(b.seen, n)
	if b.op == '&' {
		// All ones are neutral.
		for i := from; i < len(b.value); i++ {
			b.value[i] = ^uint64(0)
		}
	}
}

func (b *bits) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	for i, g := range groups[:n] {
		if !counts(v, skip, i) {
			continue
		}
		var x uint64
		if v.Type.Kind == column.Uint64 {
			x = v.Uints[i]
		} else {
			x = uint64(v.Ints[i])
		}
		b.seen[g] = true
		switch b.op {
		case '&':
			b.value[g] &= x
		case '|':
			b.value[g] |= x
		default:
			b.value[g] ^= x
		}
	}
	return nil
}

func (b *bits) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		switch {
		case !b.seen[g]:
			dst.AppendNull(1)
			continue
		case dst.Type.Kind == column.Uint64:
			dst.Uints = append(dst.Uints, b.value[g])
		default:
			dst.Ints = append(dst.Ints, int64(b.value[g]))
		}
		dst.Len++
	}
	return nil
}

func (b *bits) Bytes() int { return 9 * len(b.value) }
