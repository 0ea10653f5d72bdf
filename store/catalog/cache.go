package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// CacheKind tells last-value from distinct-value caches.
type CacheKind uint8

// The kinds of cache.
const (
	LastCache     CacheKind = 1
	DistinctCache CacheKind = 2
)

// Cache is the definition of a last-value or distinct-value cache. What a cache
// holds is not kept.
type Cache struct {
	TableID uint32
	Kind    CacheKind
	// ID is unique among the table's caches of the kind.
	ID   int
	Name string
	// Columns are the IDs of the key columns.
	Columns []int
	// Values are the IDs of the value columns of a last-value cache; nil means
	// all that are not keys.
	Values []int
	// Size is the number of rows of a key, or the maximal cardinality.
	Size int64
	// Seconds is how long an entry stays.
	Seconds int64
	// AfterSeq is the last write before the cache was made: it and those before
	// are not in the cache.
	AfterSeq  uint64
	CreatedAt int64 // ns since epoch
}

func applyCaches(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, c := range ch.PutCaches {
		keys, err := json.Marshal(c.Columns)
		if err != nil {
			return fmt.Errorf("put cache %q: %w", c.Name, err)
		}
		values, err := json.Marshal(c.Values)
		if err != nil {
			return fmt.Errorf("put cache %q: %w", c.Name, err)
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO caches (table_id, kind, id, name, key_columns, value_columns, size, seconds, after_seq, created_at, sum)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.TableID, c.Kind, c.ID, c.Name, string(keys), string(values), c.Size, c.Seconds, int64(c.AfterSeq), c.CreatedAt,
			rowSum(c.TableID, c.Name, uint8(c.Kind), c.ID, keys, values, c.Size, c.Seconds, c.AfterSeq, c.CreatedAt))
		if err != nil {
			return fmt.Errorf("put cache %q: %w", c.Name, err)
		}
	}
	for _, c := range ch.DeleteCaches {
		if _, err := tx.ExecContext(ctx, `DELETE FROM caches WHERE table_id = ? AND kind = ? AND id = ?`, c.TableID, c.Kind, c.ID); err != nil {
			return fmt.Errorf("delete cache %q: %w", c.Name, err)
		}
	}
	for _, id := range ch.DeleteCachesOf {
		if _, err := tx.ExecContext(ctx, `DELETE FROM caches WHERE table_id = ?`, id); err != nil {
			return fmt.Errorf("delete the caches of table %d: %w", id, err)
		}
	}
	return nil
}

func (l *loader) loadCaches(ctx context.Context, s *State) error {
	return l.each(ctx, "caches", `SELECT table_id, kind, id, name, key_columns, value_columns, size, seconds, after_seq, created_at, sum
		FROM caches ORDER BY table_id, kind, id`,
		func(r *sql.Rows) error {
			var d Cache
			var keys, values []byte
			var sum sql.NullInt64
			if err := r.Scan(&d.TableID, &d.Kind, &d.ID, &d.Name, &keys, &values, &d.Size, &d.Seconds, &d.AfterSeq, &d.CreatedAt, &sum); err != nil {
				return err
			}
			if err := checkSum(sum, d.TableID, d.Name, uint8(d.Kind), d.ID, keys, values, d.Size, d.Seconds, d.AfterSeq, d.CreatedAt); err != nil {
				return err
			}
			if err := json.Unmarshal(keys, &d.Columns); err != nil {
				return fmt.Errorf("key columns of cache %q: %w", d.Name, err)
			}
			if err := json.Unmarshal(values, &d.Values); err != nil {
				return fmt.Errorf("value columns of cache %q: %w", d.Name, err)
			}
			s.Caches = append(s.Caches, d)
			return nil
		})
}
