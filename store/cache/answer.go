package cache

import (
	"math"
	"unsafe"

	"tarn/store/column"
)

// answer collects the rows of a read.
type answer struct {
	batch column.Batch
	cells []cell
	text  texts
	key   [][]byte // scratch: the values of the key being read
}

// cell says where a column comes from.
type cell struct {
	vector *column.Vector
	Column
	key int // place among the key columns, or -1
}

func (e *entries) answer(columns []Column) *answer {
	a := &answer{key: make([][]byte, len(e.columns))}
	for _, c := range columns {
		v := column.NewVector(Type(c.Kind), 0)
		a.batch.Cols = append(a.batch.Cols, v)
		a.cells = append(a.cells, cell{v, c, e.keyOf(c.ID)})
	}
	return a
}

// Type is the type that a column of a kind has in an answer: text is String,
// whatever its source.
func Type(kind column.Kind) column.Type {
	if kind == column.Dict {
		kind = column.String
	}
	return column.Of(kind)
}

// cut splits the key whose rows follow.
func (a *answer) cut(columns []Column, key []byte) {
	for i := range a.key {
		a.key[i], key = cutKey(key, columns[i].Kind)
	}
}

// addKey appends a value of the key to a column.
func (a *answer) addKey(c *cell) {
	switch value := a.key[c.key]; {
	case value[0] == keyNull:
		c.vector.AppendNull(1)
	case isText(c.Kind):
		a.addText(c.vector, decodeText(value))
	default:
		appendBits(c.vector, decodeWord(c.Kind, value))
	}
}

func (a *answer) addText(v *column.Vector, text []byte) {
	v.Strings = append(v.Strings, a.text.add(text))
	v.Len++
}

// texts copies texts into few large allocations instead of one for each.
type texts struct{ chunk []byte }

// maxChunk bounds what one string that somebody keeps can hold on to.
const maxChunk = 32 << 10

func (t *texts) add(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > cap(t.chunk)-len(t.chunk) {
		t.chunk = make([]byte, 0, max(len(text), min(2*cap(t.chunk), maxChunk), 64))
	}
	n := len(t.chunk)
	t.chunk = append(t.chunk, text...)
	// The bytes of a chunk are written once: a string may alias them.
	return unsafe.String(&t.chunk[n], len(text))
}

// appendBits appends a word as points.Field has it.
func appendBits(v *column.Vector, word uint64) {
	n := v.Len
	v.SetLen(n + 1)
	switch v.Type.Kind {
	case column.Bool:
		v.Bools[n] = word != 0
	case column.Uint64:
		v.Uints[n] = word
	case column.Float64:
		v.Floats[n] = math.Float64frombits(word)
	default:
		v.Ints[n] = int64(word)
	}
}
