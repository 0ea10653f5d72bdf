package edge

import (
	"context"

	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// caches gives queries the store's last-value and distinct-value caches
// (spec/influxdb3-http-api.md section 6.3).
type caches struct{ store *store.Store }

// Cache is plan.Caches's.
func (c caches) Cache(database, table, name string, kind plan.CacheKind) (plan.SystemTable, bool) {
	db, ok := c.store.Database(database)
	if !ok {
		return nil, false
	}
	stored := store.LastCache
	if kind == plan.DistinctCache {
		stored = store.DistinctCache
	}
	found, ok := db.Cache(table, name, stored)
	if !ok {
		return nil, false
	}
	return cacheTable{found, found.Columns()}, true
}

// cacheTable is a cache as queries see it.
type cacheTable struct {
	cache   store.Cache
	columns []schema.Column
}

var _ plan.Selective = cacheTable{}

// Columns is plan.SystemTable's.
func (t cacheTable) Columns() []plan.Column {
	out := make([]plan.Column, len(t.columns))
	for i, c := range t.columns {
		out[i] = plan.Column{Name: c.Name, Type: store.CacheType(c)}
	}
	return out
}

// Read is plan.SystemTable's.
func (t cacheTable) Read(ctx context.Context) (*column.Batch, error) {
	all := make([]int, len(t.columns))
	for i := range all {
		all[i] = i
	}
	return t.Select(ctx, all, nil)
}

// Select is plan.Selective's: entries are found by their key columns, which come
// first.
func (t cacheTable) Select(_ context.Context, columns []int, matches []plan.Match) (*column.Batch, error) {
	var keys []store.CacheMatch
	for _, m := range matches {
		if m.Column >= len(t.cache.CacheInfo.Cache.Columns) {
			continue
		}
		k := store.CacheMatch{Key: m.Column}
		for _, v := range m.Values {
			switch v.Type.Kind {
			case column.Int64:
				k.Words = append(k.Words, uint64(v.I))
			case column.Uint64:
				k.Words = append(k.Words, v.U)
			case column.Bool:
				word := uint64(0)
				if v.B {
					word = 1
				}
				k.Words = append(k.Words, word)
			default:
				k.Texts = append(k.Texts, v.S)
			}
		}
		keys = append(keys, k)
	}
	ids := make([]int, len(columns))
	for i, c := range columns {
		ids[i] = t.columns[c].ID
	}
	return t.cache.Read(ids, keys), nil
}

// cacheColumns are the IDs and names of columns, as lists in system tables.
func cacheColumns(sch *schema.Table, ids []int) (numbers []uint64, names []string) {
	for _, id := range ids {
		numbers = append(numbers, uint64(id))
		names = append(names, sch.Columns[id].Name)
	}
	return numbers, names
}

func (s system) lastCaches(database string) made {
	cols := columns("table", column.String, "name", column.String, "key_column_ids", ids, "key_column_names", texts,
		"value_column_ids", ids, "value_column_names", texts, "count", column.Uint64, "ttl", column.Uint64)
	return made{cols, func(add func(...any)) {
		db, ok := s.store.Database(database)
		if !ok {
			return
		}
		for _, c := range db.Caches(store.LastCache) {
			keys, keyNames := cacheColumns(c.Table, c.CacheInfo.Cache.Columns)
			var values, valueNames any
			if c.Values != nil {
				values, valueNames = cacheColumns(c.Table, append(c.Values[:len(c.Values):len(c.Values)], 0)) // and time
			}
			add(c.Table.Name, c.Name, keys, keyNames, values, valueNames, uint64(c.Size), uint64(c.Seconds))
		}
	}}
}

func (s system) distinctCaches(database string) made {
	cols := columns("table", column.String, "name", column.String, "column_ids", ids, "column_names", texts,
		"max_cardinality", column.Uint64, "max_age_seconds", column.Uint64)
	return made{cols, func(add func(...any)) {
		db, ok := s.store.Database(database)
		if !ok {
			return
		}
		for _, c := range db.Caches(store.DistinctCache) {
			numbers, names := cacheColumns(c.Table, c.CacheInfo.Cache.Columns)
			add(c.Table.Name, c.Name, numbers, names, uint64(c.Size), uint64(c.Seconds))
		}
	}}
}
