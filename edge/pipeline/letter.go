package pipeline

// buildLetter makes the processor that changes the case of ASCII letters.
func buildLetter(o *options) step {
	method := o.oneOf("method", "lower", "upper", "capital")
	return eachField(o, textOp{func(b []byte, s string) ([]byte, error) {
		b = append(b, s...)
		made := b[len(b)-len(s):]
		for i, c := range made {
			switch {
			case method == "lower" && c >= 'A' && c <= 'Z':
				made[i] = c + 'a' - 'A'
			case (method == "upper" || method == "capital" && i == 0) && c >= 'a' && c <= 'z':
				made[i] = c - ('a' - 'A')
			}
		}
		return b, nil
	}})
}
