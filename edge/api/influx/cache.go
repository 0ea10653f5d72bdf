package influx

import (
	"math"
	"net/http"
	"strings"

	"tarn/edge/server"
	"tarn/store"
	"tarn/store/schema"
)

// Defaults of spec sections 4.3 and 4.4; times are in seconds.
const (
	defaultCardinality = 100_000
	defaultMaxAge      = 24 * 60 * 60
	defaultCount       = 1
	defaultTTL         = 4 * 60 * 60
)

// cacheBody is what names a cache. A pointer tells a member that is absent or
// null, for which the default stands, from an empty one.
type cacheBody struct {
	DB    *string `json:"db"`
	Table *string `json:"table"`
	Name  *string `json:"name"`
}

// lastCacheBody is what creates a last-value cache. It repeats the members of
// cacheBody because errors of decoding name embedded types.
type lastCacheBody struct {
	DB           *string   `json:"db"`
	Table        *string   `json:"table"`
	Name         *string   `json:"name"`
	KeyColumns   *[]string `json:"key_columns"`
	ValueColumns *[]string `json:"value_columns"`
	Count        *uint64   `json:"count"`
	TTL          *uint64   `json:"ttl"`
}

// distinctCacheBody is what creates a distinct-value cache.
type distinctCacheBody struct {
	DB             *string   `json:"db"`
	Table          *string   `json:"table"`
	Name           *string   `json:"name"`
	Columns        *[]string `json:"columns"`
	MaxCardinality *uint64   `json:"max_cardinality"`
	MaxAge         *uint64   `json:"max_age"`
}

// orDefault is a number of a body; beyond what the store counts with, it means
// as much as there is.
func orDefault(n *uint64, otherwise int64) int64 {
	if n == nil {
		return otherwise
	}
	return int64(min(*n, math.MaxInt64))
}

// list is an optional array: nil only when it is absent.
func list(names *[]string) []string {
	if names == nil {
		return nil
	}
	return append([]string{}, *names...)
}

// check says which of the members that every cache needs is missing.
func (b cacheBody) check(prefix string, named bool) error {
	switch {
	case b.DB == nil:
		return missing(prefix, "db")
	case b.Table == nil:
		return missing(prefix, "table")
	case b.Name == nil && named:
		return missing(prefix, "name")
	}
	return nil
}

// text is a string that may be left out.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// createLastCache serves POST /api/v3/configure/last_cache.
func (a *API) createLastCache(w http.ResponseWriter, r *http.Request) {
	var b lastCacheBody
	err := a.readConfig(r, &b)
	if err == nil {
		err = cacheBody{b.DB, b.Table, b.Name}.check("serde json error", false)
	}
	if err == nil && b.Count != nil && *b.Count == 0 {
		err = badRequest("serde json error: last cache size must be greater than 0")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	info, err := a.Store.CreateLastCache(r.Context(), *b.DB, *b.Table, store.LastCacheDef{Name: text(b.Name), Keys: list(b.KeyColumns),
		Values: list(b.ValueColumns), Count: orDefault(b.Count, defaultCount), TTL: orDefault(b.TTL, defaultTTL)})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	op := lastCacheOp{TableID: info.TableID, Table: info.Table.Name, ID: info.ID, Name: info.Name,
		KeyColumns: columnIDs(info.Table, info.Cache.Columns), ValueColumns: "all_non_key_columns", Count: info.Size, TTL: info.Seconds}
	if info.Values != nil {
		op.ValueColumns = explicitColumns{columnSet{append(columnIDs(info.Table, info.Values), "timestamp")}}
	}
	server.JSON(w, http.StatusCreated, a.catalogBatch(info, map[string]any{"CreateLastCache": op}))
}

// createDistinctCache serves POST /api/v3/configure/distinct_cache (decision
// D-8: the same definition again is no conflict).
func (a *API) createDistinctCache(w http.ResponseWriter, r *http.Request) {
	var b distinctCacheBody
	err := a.readConfig(r, &b)
	if err == nil {
		err = cacheBody{b.DB, b.Table, b.Name}.check("serde json error", false)
	}
	switch {
	case err != nil:
	case b.Columns == nil:
		err = missing("serde json error", "columns")
	case b.MaxCardinality != nil && *b.MaxCardinality == 0:
		err = badRequest("serde json error: invalid value: integer `0`, expected a nonzero usize")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	info, created, err := a.Store.CreateDistinctCache(r.Context(), *b.DB, *b.Table, store.DistinctCacheDef{Name: text(b.Name), Columns: *b.Columns,
		MaxCardinality: orDefault(b.MaxCardinality, defaultCardinality), MaxAge: orDefault(b.MaxAge, defaultMaxAge)})
	switch {
	case err != nil:
		a.fail(w, r, err)
	case !created:
		w.WriteHeader(http.StatusNoContent)
	default:
		op := distinctCacheOp{info.TableID, info.Table.Name, info.ID, info.Name, columnIDs(info.Table, info.Cache.Columns), info.Size, info.Seconds}
		server.JSON(w, http.StatusCreated, a.catalogBatch(info, map[string]any{"CreateDistinctCache": op}))
	}
}

// What follows is the shape of the vendor's catalog changes.
type (
	catalogBatch struct {
		Batch    batchOf `json:"catalog_batch"`
		Sequence uint64  `json:"sequence_number"`
	}
	batchOf struct {
		Database databaseBatch `json:"Database"`
	}
	databaseBatch struct {
		Time         int64  `json:"time_ns"`
		DatabaseID   uint32 `json:"database_id"`
		DatabaseName string `json:"database_name"`
		Ops          []any  `json:"ops"`
	}
	lastCacheOp struct {
		TableID      uint32 `json:"table_id"`
		Table        string `json:"table"`
		ID           int    `json:"id"`
		Name         string `json:"name"`
		KeyColumns   []any  `json:"key_columns"`
		ValueColumns any    `json:"value_columns"`
		Count        int64  `json:"count"`
		TTL          int64  `json:"ttl"`
	}
	distinctCacheOp struct {
		TableID        uint32 `json:"table_id"`
		TableName      string `json:"table_name"`
		CacheID        int    `json:"cache_id"`
		CacheName      string `json:"cache_name"`
		ColumnIDs      []any  `json:"column_ids"`
		MaxCardinality int64  `json:"max_cardinality"`
		MaxAgeSeconds  int64  `json:"max_age_seconds"`
	}
	explicitColumns struct {
		Explicit columnSet `json:"explicit"`
	}
	columnSet struct {
		Columns []any `json:"columns"`
	}
)

func (a *API) catalogBatch(info store.CacheInfo, op any) catalogBatch {
	return catalogBatch{batchOf{databaseBatch{info.CreatedAt, info.DatabaseID, info.Database, []any{op}}}, info.Change}
}

// columnIDs names columns as the vendor's catalog does: tags by their place in
// the series key, fields by family, of which we have the one, and their place
// in it.
func columnIDs(t *schema.Table, ids []int) []any {
	out := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		n := 0
		for _, c := range t.Columns[:id] {
			if c.Role == t.Columns[id].Role {
				n++
			}
		}
		switch t.Columns[id].Role {
		case schema.Tag:
			out = append(out, map[string]int{"tag": n})
		case schema.Field:
			out = append(out, map[string][2]int{"field": {0, n}})
		default:
			out = append(out, "timestamp")
		}
	}
	return out
}

// deleteLastCache serves DELETE /api/v3/configure/last_cache.
func (a *API) deleteLastCache(w http.ResponseWriter, r *http.Request) {
	a.deleteCache(w, r, store.LastCache)
}

// deleteDistinctCache serves DELETE /api/v3/configure/distinct_cache.
func (a *API) deleteDistinctCache(w http.ResponseWriter, r *http.Request) {
	a.deleteCache(w, r, store.DistinctCache)
}

// deleteCache takes its parameters from the query string, or without one from a
// JSON body.
func (a *API) deleteCache(w http.ResponseWriter, r *http.Request, kind store.CacheKind) {
	var b cacheBody
	prefix := "serde error"
	var err error
	if r.URL.RawQuery == "" && strings.Contains(r.Header.Get("Content-Type"), "json") {
		prefix = "serde json error"
		err = a.readConfig(r, &b)
	} else if q, e := parseQuery(r); e != nil {
		err = e
	} else {
		for name, to := range map[string]**string{"db": &b.DB, "table": &b.Table, "name": &b.Name} {
			if q.Has(name) {
				v := q.Get(name)
				*to = &v
			}
		}
	}
	if err == nil {
		err = b.check(prefix, true)
	}
	if err == nil {
		err = a.Store.DeleteCache(r.Context(), *b.DB, *b.Table, *b.Name, kind)
	}
	a.done(w, r, http.StatusOK, err)
}
