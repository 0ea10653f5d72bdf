package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/schema"
)

// createdBy is what other tools show as the file's author.
const createdBy = "tarn"

// writeEnd writes all that follows the row groups.
func (w *Writer) writeEnd() error {
	meta := format.FileMetaData{Version: 2, NumRows: w.info.Rows, CreatedBy: createdBy}
	cols := fileColumns(w.sch, w.fields)
	meta.Schema = append(meta.Schema, format.SchemaElement{Name: "schema", NumChildren: thrift.New(int32(len(cols)))})
	for i, c := range cols {
		meta.Schema = append(meta.Schema, w.schemaElement(i, c))
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	for i := range w.groups {
		meta.RowGroups = append(meta.RowGroups, w.rowGroup(i, cols))
	}
	var err error
	if meta.KeyValueMetadata, err = w.keyValues(); err != nil {
		return err
	}
	var t trailer
	if err := w.writeIndex(&meta, &t); err != nil {
		return err
	}
	footer, err := thrift.Marshal(compact, &meta)
	if err != nil {
		return fmt.Errorf("encode the footer: %w", err)
	}
	t.footerLen, t.footerCRC = uint32(len(footer)), crc32.Checksum(footer, castagnoli)
	var end []byte
	if !w.opts.export {
		end = t.append(end)
	}
	end = append(end, footer...)
	end = binary.LittleEndian.AppendUint32(end, uint32(len(footer)))
	return w.write(append(end, parquetMagic...))
}

// fileColumns are the columns in the order in which they lie in the file.
func fileColumns(sch *schema.Table, fields []schema.Column) []schema.Column {
	var cols []schema.Column
	for _, id := range sch.Tags {
		cols = append(cols, sch.Columns[id])
	}
	cols = append(cols, sch.Columns[0])
	return append(cols, fields...)
}

// schemaElement describes the i-th column as it lies.
func (w *Writer) schemaElement(i int, c schema.Column) format.SchemaElement {
	e := schemaElement(c)
	if !w.opts.export {
		return e
	}
	e.Type = thrift.New(w.physicalType(i, c))
	if c.Role == schema.Time || c.Kind == column.Timestamp {
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}
		e.ConvertedType = thrift.New(deprecated.TimestampMicros)
	}
	return e
}

// physicalType is that of the i-th column as it lies.
func (w *Writer) physicalType(i int, c schema.Column) format.Type {
	if field := i - len(w.sch.Tags) - 1; field >= 0 && w.narrow(field) {
		return format.Int32
	}
	return physicalType(c.Kind)
}

func schemaElement(c schema.Column) format.SchemaElement {
	e := format.SchemaElement{Name: c.Name, Type: thrift.New(physicalType(c.Kind)), RepetitionType: thrift.New(format.Optional)}
	switch {
	case c.Role == schema.Time:
		e.RepetitionType = thrift.New(format.Required)
		fallthrough
	case c.Kind == column.Timestamp:
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.NanoSeconds{}}}
	case c.Kind == column.Dict, c.Kind == column.String:
		e.LogicalType.Value = &format.StringType{}
		e.ConvertedType = thrift.New(deprecated.UTF8)
	case c.Kind == column.Uint64:
		e.LogicalType.Value = &format.IntType{BitWidth: 64}
		e.ConvertedType = thrift.New(deprecated.Uint64)
	}
	return e
}

func physicalType(k column.Kind) format.Type {
	switch k {
	case column.Bool:
		return format.Boolean
	case column.Float64:
		return format.Double
	case column.Dict, column.String:
		return format.ByteArray
	}
	return format.Int64
}

func (w *Writer) rowGroup(i int, cols []schema.Column) format.RowGroup {
	g := &w.groups[i]
	out := format.RowGroup{NumRows: int64(g.rows), FileOffset: g.offset, Ordinal: int16(min(i, 1<<15-1))}
	for k := range w.sch.Tags {
		out.SortingColumns = append(out.SortingColumns, format.SortingColumn{ColumnIdx: int32(k)})
	}
	out.SortingColumns = append(out.SortingColumns, format.SortingColumn{ColumnIdx: int32(len(w.sch.Tags))})
	for k, c := range g.chunks {
		m := format.ColumnMetaData{
			Type: w.physicalType(k, cols[k]), Encoding: c.encodings, PathInSchema: thrift.Slice[string]{cols[k].Name}, Codec: format.Zstd,
			NumValues: int64(g.rows), TotalUncompressedSize: c.raw, TotalCompressedSize: c.size,
			DataPageOffset: c.offset, DictionaryPageOffset: c.dictOffset,
			Statistics: format.Statistics{NullCount: c.nulls},
		}
		if c.filterLength > 0 {
			m.BloomFilterOffset, m.BloomFilterLength = c.filterOffset, int32(c.filterLength)
		}
		if !c.noBounds {
			m.Statistics.MinValue, m.Statistics.MaxValue = c.min, c.max
		}
		out.Columns = append(out.Columns, format.ColumnChunk{MetaData: m})
		out.TotalByteSize += c.raw
		out.TotalCompressedSize += c.size
	}
	return out
}

func (w *Writer) keyValues() (thrift.Slice[format.KeyValue], error) {
	sch, err := encodeSchema(w.sch, w.fields)
	if err != nil {
		return nil, err
	}
	identity, err := json.Marshal(identityJSON{Version: formatVersion, Meta: w.meta})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", keyIdentity, err)
	}
	if w.opts.export {
		return thrift.Slice[format.KeyValue]{{Key: keyExport, Value: string(identity)}}, nil
	}
	return thrift.Slice[format.KeyValue]{
		{Key: keySchema, Value: sch},
		{Key: keyIdentity, Value: string(identity)},
		{Key: keySeries, Value: w.series.encode(w.work.zstd)},
	}, nil
}

// writeIndex writes column indexes and the page index, and notes their places.
func (w *Writer) writeIndex(meta *format.FileMetaData, t *trailer) error {
	var columns, offsets, checks []byte
	for i, g := range w.groups {
		for k, c := range g.chunks {
			out := &meta.RowGroups[i].Columns[k]
			if ci := columnIndex(c); ci != nil {
				b, err := thrift.Marshal(compact, ci)
				if err != nil {
					return fmt.Errorf("encode a column index: %w", err)
				}
				out.ColumnIndexOffset, out.ColumnIndexLength = w.written+int64(len(columns)), int32(len(b))
				columns = append(columns, b...)
			}
		}
	}
	if err := w.write(columns); err != nil {
		return err
	}
	for i, g := range w.groups {
		for k, c := range g.chunks {
			out := &meta.RowGroups[i].Columns[k]
			var oi format.OffsetIndex
			if c.dictOffset != 0 {
				checks = c.dictCheck.append(checks)
			}
			for _, p := range c.pages {
				oi.PageLocations = append(oi.PageLocations, format.PageLocation{
					Offset: c.offset + int64(p.offset), CompressedPageSize: int32(p.size), FirstRowIndex: int64(p.firstRow),
				})
				checks = p.check.append(checks)
			}
			b, err := thrift.Marshal(compact, &oi)
			if err != nil {
				return fmt.Errorf("encode an offset index: %w", err)
			}
			out.OffsetIndexOffset, out.OffsetIndexLength = w.written+int64(len(offsets)), int32(len(b))
			offsets = append(offsets, b...)
		}
	}
	if w.opts.export {
		checks = nil
	}
	index := append(offsets, checks...)
	t.indexOffset, t.indexLen, t.checksLen = w.written, uint32(len(index)), uint32(len(checks))
	t.indexCRC = crc32.Checksum(index, castagnoli)
	return w.write(index)
}

// columnIndex is nil when a page's bounds are unknown.
func columnIndex(c chunkEntry) *format.ColumnIndex {
	if c.noBounds {
		return nil
	}
	ci := &format.ColumnIndex{}
	for _, p := range c.pages {
		ci.NullPages = append(ci.NullPages, p.nulls == p.rows)
		ci.MinValues = append(ci.MinValues, p.min)
		ci.MaxValues = append(ci.MaxValues, p.max)
		ci.NullCounts = append(ci.NullCounts, int64(p.nulls))
	}
	return ci
}

// checkLen is the size of a page check in the page index.
const checkLen = 5

func (c pageCheck) append(dst []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, c.headerLen), c.headerCRC)
}
