package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tarn/store/cache"
	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/schema"
)

// CacheKind tells last-value from distinct-value caches.
type CacheKind = catalog.CacheKind

// The kinds of cache.
const (
	LastCache     = catalog.LastCache
	DistinctCache = catalog.DistinctCache
)

// CacheMatch asks Cache.Read for the entries whose key column has one of some
// values.
type CacheMatch = cache.Match

// LastCacheDef describes a new last-value cache (spec section 4.4).
type LastCacheDef struct {
	// Name is free within the table; "" means TABLE_KEY1_KEY2_last_cache.
	Name string
	// Keys are the key columns; nil means all tags in series-key order.
	Keys []string
	// Values are the value columns beside time, which is always there; nil means
	// all that are not keys, also those that the table gets later.
	Values []string
	// Count is how many rows of a key are kept.
	Count int64
	// TTL is for how long after its insertion a row is kept, in seconds.
	TTL int64
}

// DistinctCacheDef describes a new distinct-value cache (spec section 4.3).
type DistinctCacheDef struct {
	// Name is free within the table; "" means TABLE_COL1_COL2_distinct_cache.
	Name string
	// Columns are tags and string fields, the outermost level first.
	Columns []string
	// MaxCardinality is how many combinations are kept.
	MaxCardinality int64
	// MaxAge is for how long after its newest row a combination is kept, in
	// seconds.
	MaxAge int64
}

// CacheInfo describes a cache.
type CacheInfo struct {
	catalog.Cache
	Database   string
	DatabaseID uint32
	Table      *schema.Table
	// Change is the number of the catalog change that made the cache, only in
	// the answer to that.
	Change uint64
}

// CacheColumnError is a column whose type a cache does not take (400).
type CacheColumnError struct{ msg string }

func (e *CacheColumnError) Error() string { return e.msg }

// Columns are the columns of the cache in the order in which queries show them
// (spec section 6.3): keys, then values; values are sorted by name when all are
// kept, and else as declared with time at the end.
func (c CacheInfo) Columns() []schema.Column {
	var out []schema.Column
	for _, id := range c.Cache.Columns {
		out = append(out, c.Table.Columns[id])
	}
	if c.Kind == DistinctCache {
		return out
	}
	if c.Values == nil {
		for _, col := range c.Table.Sorted() {
			if !slices.Contains(c.Cache.Columns, col.ID) {
				out = append(out, col)
			}
		}
		return out
	}
	for _, id := range c.Values {
		out = append(out, c.Table.Columns[id])
	}
	return append(out, c.Table.Columns[0])
}

// CreateLastCache makes a last-value cache, empty: it gets the rows that are
// written from now on.
func (s *Store) CreateLastCache(ctx context.Context, database, table string, def LastCacheDef) (CacheInfo, error) {
	info, _, err := s.createCache(ctx, database, table, LastCache, def.Name, func(sch *schema.Table, c *catalog.Cache) error {
		if err := positive("count", def.Count, "ttl", def.TTL); err != nil {
			return err
		}
		c.Size, c.Seconds = def.Count, def.TTL
		c.Columns = slices.Clone(sch.Tags)
		if def.Keys != nil {
			ids, err := cacheColumns(sch, def.Keys, "invalid key column provided: ")
			if err != nil {
				return err
			}
			c.Columns = ids
		}
		for _, id := range c.Columns {
			switch k := sch.Columns[id].Kind; k {
			case column.Dict, column.String, column.Int64, column.Uint64, column.Bool:
			default:
				return &CacheColumnError{"only uint64, int64, bool, tag, and string columns are supported in the last cache"}
			}
		}
		if def.Values == nil {
			return nil
		}
		const bad = "invalid value column provided: "
		ids, err := cacheColumns(sch, def.Values, bad)
		if err != nil {
			return err
		}
		c.Values = []int{}
		for _, id := range ids {
			if slices.Contains(c.Columns, id) {
				return &ConfigError{bad + sch.Columns[id].Name}
			}
			if id != 0 { // time is there anyway
				c.Values = append(c.Values, id)
			}
		}
		return nil
	})
	return info, err
}

// CreateDistinctCache makes a distinct-value cache, empty: it gets the values
// that are written from now on. When there is one of that name with the same
// definition, it returns that one and false.
func (s *Store) CreateDistinctCache(ctx context.Context, database, table string, def DistinctCacheDef) (_ CacheInfo, created bool, _ error) {
	return s.createCache(ctx, database, table, DistinctCache, def.Name, func(sch *schema.Table, c *catalog.Cache) error {
		if len(def.Columns) == 0 {
			return &ConfigError{"no columns provided when creating distinct cache"}
		}
		if err := positive("max_cardinality", def.MaxCardinality, "max_age", def.MaxAge); err != nil {
			return err
		}
		c.Size, c.Seconds = def.MaxCardinality, def.MaxAge
		ids, err := cacheColumns(sch, def.Columns, "invalid column provided: ")
		if err != nil {
			return err
		}
		c.Columns = ids
		for _, id := range ids {
			if k := sch.Columns[id].Kind; k != column.Dict && k != column.String {
				return &CacheColumnError{"only tag and string columns are supported in the distinct cache"}
			}
		}
		return nil
	})
}

func positive(size string, n int64, span string, seconds int64) error {
	switch {
	case n < 1:
		return &ConfigError{size + " must be greater than 0"}
	case seconds < 1:
		return &ConfigError{span + " must be greater than 0"}
	}
	return nil
}

// cacheColumns are the IDs of columns, which must be there, each once.
func cacheColumns(sch *schema.Table, names []string, complaint string) ([]int, error) {
	ids := make([]int, 0, len(names))
	for _, n := range names {
		c, ok := sch.Column(n)
		if !ok || slices.Contains(ids, c.ID) {
			return nil, &ConfigError{complaint + n}
		}
		ids = append(ids, c.ID)
	}
	return ids, nil
}

func (s *Store) createCache(ctx context.Context, database, table string, kind CacheKind, name string, define func(*schema.Table, *catalog.Cache) error) (_ CacheInfo, created bool, err error) {
	// The database must not be deleted meanwhile.
	s.admin.Lock()
	defer s.admin.Unlock()
	if s.closed.Load() {
		return CacheInfo{}, false, ErrClosed
	}
	// No row comes between the number of the last write and the first one that
	// the cache gets.
	db, t, unlock, err := s.lockTable(database, table)
	if err != nil {
		return CacheInfo{}, false, err
	}
	defer unlock()
	sch := t.schema.Load()
	def := catalog.Cache{TableID: t.id, Kind: kind, Name: name, AfterSeq: s.lastSeq.Load(), CreatedAt: s.opts.Now().UnixNano()}
	if err := define(sch, &def); err != nil {
		return CacheInfo{}, false, err
	}
	if name == "" {
		parts := []string{table}
		for _, id := range def.Columns {
			parts = append(parts, sch.Columns[id].Name)
		}
		def.Name = strings.Join(parts, "_") + map[CacheKind]string{LastCache: "_last_cache", DistinctCache: "_distinct_cache"}[kind]
	}
	info := CacheInfo{Cache: def, Database: db.name(), DatabaseID: db.id, Table: sch}
	for _, c := range t.cacheList() {
		if c.def.Kind != kind {
			continue
		}
		def.ID = max(def.ID, c.def.ID+1)
		if c.def.Name != def.Name {
			continue
		}
		info.Cache = c.def
		if kind == DistinctCache && slices.Equal(c.def.Columns, def.Columns) && c.def.Size == def.Size && c.def.Seconds == def.Seconds {
			return info, false, nil
		}
		return CacheInfo{}, false, fmt.Errorf("cache %q of table %q: %w", def.Name, table, ErrExists)
	}
	// The definition means columns by their IDs, which the catalog may not know
	// yet.
	s.records.Lock()
	info.Change, err = s.catalog.ApplyNumbered(ctx, catalog.Change{Tables: []catalog.Table{t.record()}, PutCaches: []catalog.Cache{def}})
	s.records.Unlock()
	if err != nil {
		return CacheInfo{}, false, fmt.Errorf("create cache %q of table %q: %w", def.Name, table, err)
	}
	info.Cache = def
	t.setCaches(append(slices.Clone(t.cacheList()), s.newTableCache(sch, def)))
	return info, true, nil
}

// DeleteCache deletes a cache and what it holds.
func (s *Store) DeleteCache(ctx context.Context, database, table, name string, kind CacheKind) error {
	_, t, unlock, err := s.lockTable(database, table)
	if err != nil {
		return err
	}
	defer unlock()
	list := t.cacheList()
	i := slices.IndexFunc(list, func(c *tableCache) bool { return c.def.Kind == kind && c.def.Name == name })
	if i < 0 {
		return fmt.Errorf("cache %q of table %q: %w", name, table, ErrNotFound)
	}
	if err := s.catalog.Apply(ctx, catalog.Change{DeleteCaches: []catalog.Cache{list[i].def}}); err != nil {
		return fmt.Errorf("delete cache %q of table %q: %w", name, table, err)
	}
	gone := list[i]
	t.setCaches(slices.Delete(slices.Clone(list), i, i+1))
	gone.Close()
	return nil
}

// Caches lists the caches of a kind of a database's live tables, by table and
// name.
func (d Database) Caches(kind CacheKind) []Cache {
	var out []Cache
	for _, table := range d.Tables() {
		from := len(out)
		t, ok := d.db.table(table)
		if !ok {
			continue
		}
		for _, c := range t.cacheList() {
			if c.def.Kind == kind {
				out = append(out, d.cache(t, c))
			}
		}
		slices.SortFunc(out[from:], func(a, b Cache) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// Cache finds a cache of a table by name, or with an empty name the only one of
// its kind.
func (d Database) Cache(table, name string, kind CacheKind) (found Cache, ok bool) {
	t, ok := d.db.table(table)
	if !ok {
		return Cache{}, false
	}
	n := 0
	for _, c := range t.cacheList() {
		if c.def.Kind == kind && (name == "" || c.def.Name == name) {
			found = d.cache(t, c)
			n++
		}
	}
	return found, n == 1
}

func (d Database) cache(t *table, c *tableCache) Cache {
	now := d.store.opts.Now
	if c.def.Kind == LastCache {
		now = d.store.clock.even
	}
	return Cache{CacheInfo: CacheInfo{Cache: c.def, Database: d.Name(), DatabaseID: d.db.id, Table: t.schema.Load()}, cache: c, now: now}
}

// Cache is a view of one live cache.
type Cache struct {
	CacheInfo
	cache *tableCache
	now   func() time.Time
}

// Read returns the rows whose key columns match: columns by ID in the order
// asked for, tags as strings. It reads no file.
func (c Cache) Read(ids []int, matches []CacheMatch) *column.Batch {
	columns := make([]cache.Column, len(ids))
	for i, id := range ids {
		columns[i] = cacheColumn(c.Table, id)
	}
	return c.cache.Read(columns, matches, c.now().UnixNano())
}

// CacheType is the type that a column has in what Cache.Read returns.
func CacheType(c schema.Column) column.Type { return cache.Type(c.Kind) }

func cacheColumn(sch *schema.Table, id int) cache.Column {
	return cache.Column{ID: id, Kind: sch.Columns[id].Kind}
}

// nanos is a number of seconds in ns, or the longest time there is.
func nanos(seconds int64) int64 {
	if seconds > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return seconds * int64(time.Second)
}
