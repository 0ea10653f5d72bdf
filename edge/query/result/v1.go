package result

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// V1 writes the results of statements in the shape of InfluxDB 1
// (spec/influxql.md section 1). Begin, any number of WriteBatch and End write
// one statement; Close ends the answer.
type V1 interface {
	// Begin starts a statement that has rows.
	Begin(id int, s Series, cols []Column) error
	// WriteBatch adds rows to the statement that was begun.
	WriteBatch(b *column.Batch) error
	// End ends the statement; failure is what kept it from its end.
	End(failure error) error
	// Message writes a statement without rows: with an error, or a warning, or
	// neither.
	Message(id int, failure error, warning string) error
	Close() error
}

// V1Options say how answers look.
type V1Options struct {
	// Epoch is the unit of times; 0 writes them as text.
	Epoch time.Duration
	// Pretty indents JSON.
	Pretty bool
	// ChunkSize splits the answer into documents of that many rows of one
	// series; 0 makes one document of all.
	ChunkSize int
}

// v1Cell returns how to append a value, or null.
func v1Cell(v *column.Vector) func(dst []byte, row int) []byte {
	value := v1Value(v)
	if !v.HasNulls() {
		return value
	}
	return func(dst []byte, row int) []byte {
		if v.IsNull(row) {
			return append(dst, "null"...)
		}
		return value(dst, row)
	}
}

func v1Value(v *column.Vector) func(dst []byte, row int) []byte {
	switch v.Type.Kind {
	case column.Bool:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, v.Bools[row]) }
	case column.Float64:
		return func(dst []byte, row int) []byte { return appendV1Float(dst, v.Floats[row]) }
	case column.Uint64:
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, v.Uints[row], 10) }
	case column.String, column.Dict:
		return func(dst []byte, row int) []byte { return appendV1String(dst, v.Text(row)) }
	case column.Null:
		return func(dst []byte, row int) []byte { return append(dst, "null"...) }
	}
	return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, v.Ints[row], 10) }
}

// appendV1Float writes a number as Go's encoding/json does; what JSON cannot
// hold is null.
func appendV1Float(dst []byte, f float64) []byte {
	a := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0: // no sign
		return append(dst, '0')
	case a == math.Trunc(a) && a < 1<<53:
		return strconv.AppendInt(dst, int64(f), 10)
	case a >= 1e-5 && a < 1e10:
		return text.AppendFloatJSON(dst, f) // plain, and faster
	case a >= 1e-6 && a < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendV1String escapes what HTML or JavaScript could take for its own, as v1
// does.
func appendV1String(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20, c == '"', c == '\\', c == '<', c == '>', c == '&', c >= utf8.RuneSelf:
			return appendEscaped(append(dst, '"'), s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

const hexDigits = "0123456789abcdef"

func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s { // what is no UTF-8 becomes U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20 || r == '<' || r == '>' || r == '&':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r == '\u2028' || r == '\u2029':
			dst = append(dst, '\\', 'u', '2', '0', '2', hexDigits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// v1Clock writes times.
type v1Clock struct {
	epoch int64
	zone  *time.Location
	// day is the start of the day that date is the text of.
	day  int64
	date []byte
}

const daySeconds = 86400

func (c *v1Clock) append(dst []byte, ns int64) []byte {
	if c.epoch > 0 {
		return strconv.AppendInt(dst, ns/c.epoch, 10)
	}
	dst = append(dst, '"')
	if c.zone != nil && c.zone != time.UTC {
		dst = time.Unix(0, ns).In(c.zone).AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	}
	seconds, fraction := ns/1e9, ns%1e9
	if fraction < 0 {
		seconds, fraction = seconds-1, fraction+1e9
	}
	day := seconds - seconds%daySeconds
	if seconds%daySeconds < 0 {
		day -= daySeconds
	}
	if day != c.day || c.date == nil { // rows of one day come together
		c.day = day
		c.date = time.Unix(day, 0).UTC().AppendFormat(c.date[:0], "2006-01-02T")
	}
	s := int(seconds - day)
	h, m := s/3600, s/60%60
	s %= 60
	dst = append(dst, c.date...)
	dst = append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if fraction != 0 {
		dst = append(dst, '.')
		for unit := int64(1e8); fraction > 0; unit /= 10 {
			dst = append(dst, byte('0'+fraction/unit))
			fraction %= unit
		}
	}
	return append(dst, 'Z', '"')
}

// seriesMark tells where series begin in rows that come one after the other.
type seriesMark struct {
	begun bool
	texts []string
}

// next says whether row i of the columns begins another series than the row
// before, which it remembers.
func (m *seriesMark) next(cols []*column.Vector, i int) bool {
	if m.begun && i > 0 {
		same := true
		for _, v := range cols {
			a, b := v.IsNull(i-1), v.IsNull(i)
			if a != b || !a && (v.Type.Kind != column.Dict || v.Codes[i-1] != v.Codes[i]) && v.Text(i-1) != v.Text(i) {
				same = false
				break
			}
		}
		if same {
			return false
		}
	}
	texts := make([]string, len(cols))
	changed := !m.begun || len(texts) != len(m.texts)
	for k, v := range cols {
		if !v.IsNull(i) {
			texts[k] = v.Text(i)
		}
		changed = changed || texts[k] != m.texts[k]
	}
	m.begun, m.texts = true, texts
	return changed
}
