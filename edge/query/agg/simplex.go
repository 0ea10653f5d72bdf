package agg

import "math"

// The coefficients of the simplex method of Nelder and Mead, and the number of
// its steps.
const (
	reflection  = 1.0
	contraction = 0.5
	expansion   = 2.0
	simplexMax  = 1000
)

// minimize looks for a minimum of f near start, by the simplex method of Nelder
// and Mead with sides of length 1. It stops when the values at the vertices
// deviate less than epsilon. f may move the point that it is given.
func minimize(f func([]float64) float64, start []float64, epsilon float64) (value float64, at []float64) {
	n := len(start)
	root := math.Sqrt(float64(n + 1))
	p, q := (root-1+float64(n))/(float64(n)*math.Sqrt2), (root-1)/(float64(n)*math.Sqrt2)
	vertices, values := make([][]float64, n+1), make([]float64, n+1)
	for i := range vertices {
		vertices[i] = make([]float64, n)
		for j, x := range start {
			switch {
			case i == 0:
			case i-1 == j:
				x += p
			default:
				x += q
			}
			vertices[i][j] = x
		}
	}
	for i, v := range vertices {
		values[i] = f(v)
	}
	centroid, reflected, tried := make([]float64, n), make([]float64, n), make([]float64, n)
	for range simplexMax {
		worst, second, best := rank(values)
		for j := range centroid {
			sum := 0.0
			for i, v := range vertices {
				if i != worst {
					sum += v[j]
				}
			}
			centroid[j] = sum / float64(n)
		}
		towards := func(dst []float64, factor float64, from []float64) {
			for j, c := range centroid {
				dst[j] = c + float64(factor*(from[j]-c))
			}
		}
		for j, c := range centroid {
			reflected[j] = c + reflection*(c-vertices[worst][j])
		}
		fr := f(reflected)
		replace := func(v []float64, x float64) {
			copy(vertices[worst], v)
			values[worst] = x
		}
		if fr < values[second] && fr >= values[best] {
			replace(reflected, fr)
		}
		if fr < values[best] {
			towards(tried, expansion, reflected)
			if fe := f(tried); fe < fr {
				replace(tried, fe)
			} else {
				replace(reflected, fr)
			}
		}
		if fr >= values[second] {
			if fr < values[worst] {
				towards(tried, contraction, reflected)
			} else {
				towards(tried, contraction, vertices[worst])
			}
			if fc := f(tried); fc < values[worst] {
				replace(tried, fc)
			} else {
				for i, v := range vertices {
					if i == best {
						continue
					}
					for j := range v {
						v[j] = vertices[best][j] + (v[j]-vertices[best][j])/2
					}
				}
				values[worst], values[second] = f(vertices[worst]), f(vertices[second])
			}
		}
		if deviation(values) < epsilon {
			break
		}
	}
	_, _, best := rank(values)
	at = append([]float64(nil), vertices[best]...)
	return f(vertices[best]), at
}

// rank finds the greatest, the second greatest and the least value.
func rank(values []float64) (worst, second, best int) {
	for i, x := range values {
		if x > values[worst] {
			worst = i
		}
		if x < values[best] {
			best = i
		}
	}
	second = best
	for i, x := range values {
		if x > values[second] && x < values[worst] {
			second = i
		}
	}
	return worst, second, best
}

func deviation(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	mean, squares := sum/float64(len(values)), 0.0
	for _, x := range values {
		squares += (x - mean) * (x - mean) / float64(len(values)-1)
	}
	return math.Sqrt(squares)
}
