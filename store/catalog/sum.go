package catalog

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tarn/store/schema"
)

// ErrCorrupt means that the file is damaged: SQLite says so, or the checksum of
// a row does not match.
var ErrCorrupt = errors.New("the catalog is corrupt")

// corrupt adds ErrCorrupt to an error of SQLite that means it.
func corrupt(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && !errors.Is(err, ErrCorrupt) {
		switch e.Code() & 0xff { // the rest says more precisely where
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	return err
}

// unreadable adds ErrCorrupt to an error of reading what was written before,
// unless it is about the machine: a damaged file makes SQLite and us say all
// kinds of things.
func unreadable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrCorrupt) {
		return err
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
			sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rowSum is the checksum kept beside a row: SQLite has none for what lies in
// its pages, so a flipped bit in a number would go unseen. It covers the
// columns that it was introduced with; those that come later have to look after
// themselves.
func rowSum(values ...any) int64 {
	var b []byte
	for _, v := range values {
		var n int64
		switch v := v.(type) {
		case int64:
			n = v
		case int:
			n = int64(v)
		case uint8:
			n = int64(v)
		case uint32:
			n = int64(v)
		case uint64:
			n = int64(v)
		case bool:
			if v {
				n = 1
			}
		case string:
			b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
			b = append(b, v...)
			continue
		case []byte:
			b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
			b = append(b, v...)
			continue
		default:
			panic(fmt.Sprintf("BUG: a checksum over a %T", v))
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return int64(crc32.Checksum(b, castagnoli))
}

// checkSum compares a row with its checksum. Rows from before there were
// checksums have none.
func checkSum(have sql.NullInt64, values ...any) error {
	if have.Valid && have.Int64 != rowSum(values...) {
		return fmt.Errorf("%w: the checksum of a row does not match: %v", ErrCorrupt, values[:min(2, len(values))])
	}
	return nil
}

func (d *Database) sumOf() []any {
	return []any{d.ID, d.Name, d.Retention, d.CreatedAt, d.DeletedAt, d.HardDeleteAt, d.Purged}
}

func (t *Table) sumOf() []any {
	return []any{t.Schema.ID, t.Schema.Name, t.Schema.DatabaseID, t.CreatedAt, t.DeletedAt, t.HardDeleteAt, t.Purged}
}

// sumOfColumn has what came with migrations 8 and 9 only where it says something: older
// rows have sums without.
func sumOfColumn(table uint32, c schema.Column) []any {
	values := []any{table, c.ID, c.Name, uint8(c.Role), uint8(c.Kind)}
	if c.DroppedAt != 0 || c.Continues != 0 || c.Bits != 0 {
		values = append(values, c.DroppedAt, c.Continues, c.Bits)
	}
	if c.Filled {
		values = append(values, c.FilledTo, c.Fill)
	}
	return values
}

func (s *Segment) sumOf() []any {
	return []any{s.ID, s.Path, s.DatabaseID, s.TableID, s.Bytes, s.Rows, s.Series, s.MinTime, s.MaxTime, s.MinSeq, s.MaxSeq, s.Late, s.CreatedAt}
}

func (p *Checkpoint) sumOf() []any { return []any{p.WALSegment, p.Seq} }

func (t *Token) sumOf() []any {
	return []any{t.ID, t.Name, t.Hash[:], t.Description, t.CreatedAt, t.UpdatedAt, t.ExpiresAt, t.CreatedBy, t.UpdatedBy}
}
