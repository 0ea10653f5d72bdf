package export

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"tarn/store/column"
	"tarn/store/schema"
)

// lines writes rows as line protocol with times in nanoseconds. Reading them
// again gives the same rows. What a line cannot say is an error, not another
// value: NaN and infinities, names and tags with a line break or a backslash at
// the end, which would escape what follows. Fields that hold a time, of which
// line protocol knows none, become integers.
type lines struct {
	w    io.Writer
	sch  *schema.Table
	ids  []int
	head string
	keys []string // escaped names, by column of the batch
	buf  []byte
	err  error
}

func newLines(w io.Writer, sch *schema.Table, ids []int) *lines {
	l := &lines{w: w, sch: sch, ids: ids}
	l.head, l.err = escape(sch.Name, ", ")
	for _, id := range ids {
		k, err := escape(sch.Columns[id].Name, ",= ")
		if l.err == nil {
			l.err = err
		}
		l.keys = append(l.keys, k)
	}
	// A line that begins so is a comment.
	if l.err == nil && strings.HasPrefix(sch.Name, "#") {
		l.err = unsayable(sch.Name)
	}
	return l
}

func unsayable(text string) error {
	return fmt.Errorf("%q cannot be written as line protocol; export as parquet", text)
}

// escape puts backslashes before special characters.
func escape(s, special string) (string, error) {
	if strings.ContainsAny(s, "\n\r") || strings.HasSuffix(s, `\`) {
		return "", unsayable(s)
	}
	if !strings.ContainsAny(s, special) && !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			// A backslash before it would be escaped by ours, or escape it.
			if i > 0 && s[i-1] == '\\' {
				return "", unsayable(s)
			}
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String(), nil
}

// WriteBatch is result.Writer's.
func (l *lines) WriteBatch(b *column.Batch) error {
	if l.err != nil {
		return l.err
	}
	for i := range b.Len {
		if err := l.row(b, i); err != nil {
			return err
		}
		if len(l.buf) >= 64<<10 {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lines) row(b *column.Batch, i int) error {
	start := len(l.buf)
	l.buf = append(l.buf, l.head...)
	fields, time := 0, int64(0)
	for c, v := range b.Cols {
		col := l.sch.Columns[l.ids[c]]
		if col.Role == schema.Time {
			time = v.Ints[i]
			continue
		}
		if v.IsNull(i) {
			continue
		}
		if col.Role == schema.Tag {
			text, err := escape(v.Text(i), ",= ")
			if err != nil {
				return err
			}
			if text != "" {
				l.buf = append(append(append(append(l.buf, ','), l.keys[c]...), '='), text...)
			}
			continue
		}
		sep := byte(',')
		if fields == 0 {
			sep = ' '
		}
		fields++
		l.buf = append(append(append(l.buf, sep), l.keys[c]...), '=')
		if err := l.value(v, i); err != nil {
			return err
		}
	}
	if fields == 0 { // nothing to say
		l.buf = l.buf[:start]
		return nil
	}
	l.buf = strconv.AppendInt(append(l.buf, ' '), time, 10)
	l.buf = append(l.buf, '\n')
	return nil
}

func (l *lines) value(v *column.Vector, i int) error {
	switch v.Type.Kind {
	case column.Bool:
		l.buf = strconv.AppendBool(l.buf, v.Bools[i])
	case column.Int64, column.Timestamp:
		l.buf = append(strconv.AppendInt(l.buf, v.Ints[i], 10), 'i')
	case column.Uint64:
		l.buf = append(strconv.AppendUint(l.buf, v.Uints[i], 10), 'u')
	case column.Float64:
		f := v.Floats[i]
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return unsayable(strconv.FormatFloat(f, 'g', -1, 64))
		}
		l.buf = strconv.AppendFloat(l.buf, f, 'g', -1, 64)
	case column.String, column.Dict:
		text := v.Text(i)
		l.buf = append(l.buf, '"')
		for j := range len(text) {
			if text[j] == '"' || text[j] == '\\' {
				l.buf = append(l.buf, '\\')
			}
			l.buf = append(l.buf, text[j])
		}
		l.buf = append(l.buf, '"')
	default:
		return unsayable(v.Type.String())
	}
	return nil
}

func (l *lines) flush() error {
	_, err := l.w.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

// Close is result.Writer's.
func (l *lines) Close() error {
	if l.err != nil {
		return l.err
	}
	return l.flush()
}
