package agg

// Rows come sorted by series and time, or all belong to one group: stretches of
// rows of one group are the rule. What is added up within one stays in
// registers, and in four of them, so that no addition waits for the one before.

type numeral interface{ int64 | uint64 | float64 }

// stretch is where the rows of one group that begin at row i end.
func stretch(groups []uint32, i int) int {
	g := groups[i]
	for i++; i < len(groups) && groups[i] == g; i++ {
	}
	return i
}

// total adds up numbers.
func total[T numeral](x []T) T {
	var a, b, c, d T
	for len(x) >= 4 {
		a, b, c, d = a+x[0], b+x[1], c+x[2], d+x[3]
		x = x[4:]
	}
	for _, v := range x {
		a += v
	}
	return (a + b) + (c + d)
}

// totalFloat adds up numbers as floats.
func totalFloat[T numeral](x []T) float64 {
	var a, b, c, d float64
	for len(x) >= 4 {
		a, b, c, d = a+float64(x[0]), b+float64(x[1]), c+float64(x[2]), d+float64(x[3])
		x = x[4:]
	}
	for _, v := range x {
		a += float64(v)
	}
	return (a + b) + (c + d)
}
