package plan

import (
	"tarn/edge/query/sql"
)

// CacheKind is a kind of cache that queries can read.
type CacheKind uint8

// The kinds.
const (
	// LastCache holds the newest rows of each key.
	LastCache CacheKind = iota
	// DistinctCache holds the distinct combinations of some columns.
	DistinctCache
)

// Caches finds the caches of a database's tables, for the table functions
// last_cache and distinct_cache (spec/influxdb3-http-api.md section 6.3).
type Caches interface {
	// Cache returns the cache of a table by name; by the empty name the only
	// one that there is. Its columns are in the order in which * shows them.
	Cache(database, table, name string, kind CacheKind) (SystemTable, bool)
}

// cache plans last_cache('table' [, 'name']) and distinct_cache likewise.
func (b *Binder) cache(function string, t *sql.TableFunc) (Node, error) {
	kind := LastCache
	if function == "distinct_cache" {
		kind = DistinctCache
	}
	text := func(i int) (string, bool) {
		lit, ok := t.Args[i].(*sql.Literal)
		if !ok || lit.Kind != sql.StringLit {
			return "", false
		}
		return lit.Str, true
	}
	if len(t.Args) == 0 || len(t.Args) > 2 {
		return nil, planErrorf("%s takes the table name, and the cache name if the table has several, got %d arguments", function, len(t.Args))
	}
	table, ok := text(0)
	if !ok {
		return nil, planErrorf("first argument must be the table name as a string")
	}
	name := ""
	if len(t.Args) == 2 {
		if name, ok = text(1); !ok {
			return nil, planErrorf("second argument, if passed, must be the cache name as a string")
		}
	}
	if _, ok := b.Database.Table(table); !ok {
		if kind == DistinctCache {
			return nil, planErrorf("provided table name (%s) is invalid", table)
		}
		return nil, planErrorf("provided table name is invalid")
	}
	if b.Caches != nil {
		if c, ok := b.Caches.Cache(b.Database.Name(), table, name, kind); ok {
			qualifier := function
			if t.Alias != nil {
				qualifier = t.Alias.Name.Name
			}
			n := systemNode(function+"("+table+")", qualifier, c)
			if t.Alias != nil && t.Alias.Columns != nil {
				return rename(n, t.Alias)
			}
			return n, nil
		}
	}
	if kind == DistinctCache {
		return nil, planErrorf("could not find distinct value cache for the given arguments")
	}
	return nil, planErrorf("could not find cache for the given arguments")
}
