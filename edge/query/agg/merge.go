package agg

import "tarn/store/column"

// Merger is a State that can take in another one: of the same aggregate, over
// other rows. Group g of from becomes part of group to[g].
type Merger interface {
	State
	Merge(from State, to []uint32) error
}

var _ = []Merger{&count{}, &sum[int64]{}, &average{}, &variance{}, &extreme{}, &logical{}, &countDistinct{}}

// Merge is Merger's.
func (c *count) Merge(from State, to []uint32) error {
	for g, n := range from.(*count).n {
		c.n[to[g]] += n
	}
	return nil
}

// Merge is Merger's.
func (s *sum[T]) Merge(from State, to []uint32) error {
	o := from.(*sum[T])
	for g, ok := range o.seen {
		if ok {
			s.total[to[g]] += o.total[g]
			s.seen[to[g]] = true
		}
	}
	return nil
}

// Merge is Merger's.
func (a *average) Merge(from State, to []uint32) error {
	o := from.(*average)
	for g, n := range o.n {
		a.sum[to[g]] += o.sum[g]
		a.n[to[g]] += n
	}
	return nil
}

// Merge is Merger's: Chan, Golub and LeVeque (1979).
func (s *variance) Merge(from State, to []uint32) error {
	o := from.(*variance)
	for g, n := range o.n {
		h := to[g]
		switch {
		case n == 0:
		case s.n[h] == 0:
			s.n[h], s.mean[h], s.m2[h] = n, o.mean[g], o.m2[g]
		default:
			a, b := float64(s.n[h]), float64(n)
			d := o.mean[g] - s.mean[h]
			s.m2[h] += o.m2[g] + float64(d*d*a*b/(a+b))
			s.mean[h] += d * b / (a + b)
			s.n[h] += n
		}
	}
	return nil
}

// Merge is Merger's.
func (e *extreme) Merge(from State, to []uint32) error {
	v := column.NewVector(plain(e.t), len(to))
	if err := from.Final(v, 0, len(to)); err != nil {
		return err
	}
	return e.Update(to, []*column.Vector{v}, nil, len(to))
}

// Merge is Merger's.
func (l *logical) Merge(from State, to []uint32) error {
	o := from.(*logical)
	for g, ok := range o.seen {
		if !ok {
			continue
		}
		h := to[g]
		switch {
		case !l.seen[h]:
			l.value[h], l.seen[h] = o.value[g], true
		case l.or:
			l.value[h] = l.value[h] || o.value[g]
		default:
			l.value[h] = l.value[h] && o.value[g]
		}
	}
	return nil
}

// countDistinct is count(DISTINCT x): of all aggregates over distinct values the
// one that needs only to know that a value is new.
type countDistinct struct {
	distinct
	count *count
}

// Merge is Merger's.
func (d *countDistinct) Merge(from State, to []uint32) error {
	o := from.(*countDistinct)
	texts := make([]string, len(o.codes))
	for text, code := range o.codes {
		texts[code] = text
	}
	o.seen.each(func(g uint32, word uint64) {
		if len(texts) > 0 {
			word = d.code(texts[word])
		}
		if h := to[g]; d.seen.add(h, word) {
			d.count.n[h]++
		}
	})
	return nil
}
