package agg

import (
	"math"
	"strings"

	"tarn/store/column"
)

// moments are what covariance, correlation and linear regression need of the
// pairs of a group: their number, the means, and the sums of squares and
// products of the distances from the means.
type moments struct {
	n            uint64
	meanY, meanX float64
	syy, sxx     float64
	sxy          float64
}

// pairs is corr, covar_samp, covar_pop and the regr family over pairs (y, x).
// The moments are updated the way Welford did: the naive sums of products lose
// all digits when the values are large beside their spread, as counters and
// timestamps are.
type pairs struct {
	name   string
	groups []moments
}

func newPairs(s Spec) State { return &pairs{name: s.Name} }

func pairType(s Spec) (column.Type, error) {
	for i := range s.Args {
		if err := numeric(s, i); err != nil {
			return column.Type{}, err
		}
	}
	if s.Name == "regr_count" {
		return column.Of(column.Uint64), nil
	}
	return column.Of(column.Float64), nil
}

func (p *pairs) Grow(n int) { p.groups = resize(p.groups, n) }

func (p *pairs) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	y, x := args[0], args[1]
	for i, g := range groups[:n] {
		if counts(y, skip, i) && !x.IsNull(i) {
			p.groups[g].add(floatAt(y, i), floatAt(x, i))
		}
	}
	return nil
}

func (m *moments) add(y, x float64) {
	m.n++
	dy, dx := y-m.meanY, x-m.meanX
	m.meanY += dy / float64(m.n)
	m.meanX += dx / float64(m.n)
	// Products are rounded: the answers are the same on machines that multiply
	// and add at once, such as arm64.
	m.syy += float64(dy * (y - m.meanY))
	m.sxx += float64(dx * (x - m.meanX))
	m.sxy += float64(dx * (y - m.meanY))
}

// statistic is the named function of the pairs; false is null: too few pairs,
// or a spread of zero where one is divided by.
func (m *moments) statistic(name string) (float64, bool) {
	n := float64(m.n)
	switch name {
	case "covar_pop":
		return m.sxy / n, m.n > 0
	case "covar_samp":
		return m.sxy / (n - 1), m.n > 1
	case "corr":
		sy, sx := math.Sqrt(m.syy/n), math.Sqrt(m.sxx/n)
		return m.sxy / n / sy / sx, m.n > 1 && sy != 0 && sx != 0
	case "regr_avgy":
		return m.meanY, m.n > 0
	case "regr_avgx":
		return m.meanX, m.n > 0
	case "regr_syy":
		return m.syy, m.n > 0
	case "regr_sxx":
		return m.sxx, m.n > 0
	case "regr_sxy":
		return m.sxy, m.n > 0
	}
	// The line through the pairs, which must not be a vertical one.
	vary, varx, cov := m.syy/n, m.sxx/n, m.sxy/n
	sloped := m.n > 1 && varx != 0
	switch name {
	case "regr_slope":
		return cov / varx, sloped
	case "regr_intercept":
		return m.meanY - float64(cov/varx*m.meanX), sloped
	case "regr_r2":
		return cov * cov / (varx * vary), sloped && vary != 0
	}
	panic("BUG: no statistic of pairs is called " + name)
}

func (p *pairs) Final(dst *column.Vector, from, to int) error {
	if strings.HasSuffix(p.name, "_count") {
		for _, m := range p.groups[from:to] {
			dst.Uints = append(dst.Uints, m.n)
		}
		dst.Len += to - from
		return nil
	}
	for i := range p.groups[from:to] {
		x, ok := p.groups[from+i].statistic(p.name)
		appendFloat(dst, x, ok)
	}
	return nil
}

func (p *pairs) Bytes() int { return 48 * len(p.groups) }
