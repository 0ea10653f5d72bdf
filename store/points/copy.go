package points

import (
	"slices"

	"tarn/store/column"
)

// Copy returns the rows of a table in memory of their own, with every field
// padded. The copy can be read, with SeriesKey and Field.Text, but gets no more
// rows.
func (t *Table) Copy() *Table {
	t.Pad()
	c := &Table{Name: t.Name, Tags: slices.Clone(t.Tags), Series: slices.Clone(t.Series), Times: slices.Clone(t.Times),
		arena: slices.Clone(t.arena), ends: slices.Clone(t.ends)}
	for _, f := range t.Fields {
		c.Fields = append(c.Fields, &Field{Name: f.Name, Kind: f.Kind, Bits: slices.Clone(f.Bits),
			Nulls: column.Bitmap(slices.Clone([]uint64(f.Nulls))), Data: slices.Clone(f.Data)})
	}
	return c
}

// Bytes is the memory of a copy, about.
func (t *Table) Bytes() int {
	n := 64 + 4*len(t.Series) + 8*len(t.Times) + len(t.arena) + 4*len(t.ends)
	for _, f := range t.Fields {
		n += 96 + 8*len(f.Bits) + 8*len(f.Nulls) + len(f.Data)
	}
	return n
}
