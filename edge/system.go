package edge

import (
	"context"
	"encoding/hex"
	"runtime"
	"slices"
	"strings"
	"time"

	"tarn/edge/engine"
	"tarn/edge/query"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
	upstream "tarn/sync"
)

// system has the tables of schema "system" (spec/influxdb3-http-api.md section
// 6): those of a database, and those of _internal about the server.
type system struct {
	store       *store.Store
	withoutAuth bool
	// node is the configured name, instance that of this run.
	node, instance string
	started        time.Time
	sync           *upstream.Manager
	logs           *engine.Logs
	plugins        func() *engine.Engine
}

// made is a system table: its columns and how to fill it.
type made struct {
	columns []plan.Column
	fill    func(add func(...any))
}

// Columns is plan.SystemTable's.
func (m made) Columns() []plan.Column { return m.columns }

// Read is plan.SystemTable's.
func (m made) Read(context.Context) (*column.Batch, error) {
	rows := query.NewRows(m.columns)
	m.fill(rows.Add)
	return rows.Batch(), nil
}

// Tables is plan.System's.
func (s system) Tables(database string) []string {
	names := []string{"distinct_caches", "influxdb_schema", "last_caches", "parquet_files", "processing_engine_logs",
		"processing_engine_trigger_arguments", "processing_engine_triggers", "sync"}
	if database == query.InternalDatabase {
		names = append(names, "databases", "generation_durations", "nodes", "plugin_files", "tables", "tokens")
	}
	slices.Sort(names)
	return names
}

// Table is plan.System's.
func (s system) Table(database, name string) (plan.SystemTable, bool) {
	if !slices.Contains(s.Tables(database), name) {
		return nil, false
	}
	switch name {
	case "databases":
		return s.databases(), true
	case "tables":
		return s.tables(), true
	case "tokens":
		return s.tokens(), true
	case "nodes":
		return s.nodes(), true
	case "generation_durations":
		return generations(), true
	case "parquet_files":
		return s.files(database), true
	case "sync":
		return s.syncFiles(database), true
	case "last_caches":
		return s.lastCaches(database), true
	case "distinct_caches":
		return s.distinctCaches(database), true
	case "influxdb_schema":
		return s.schemas(database), true
	}
	return s.pluginTable(database, name)
}

// columns lists names and their kinds or types in turn.
func columns(defs ...any) []plan.Column {
	var out []plan.Column
	for i := 0; i < len(defs); i += 2 {
		c := plan.Column{}
		c.Name, _ = defs[i].(string)
		switch t := defs[i+1].(type) {
		case column.Kind:
			c.Type = column.Of(t)
		case column.Type:
			c.Type = t
		}
		out = append(out, c)
	}
	return out
}

// Lists in system tables.
var (
	ids   = column.ListOf(column.Of(column.Uint64))
	texts = column.ListOf(column.Of(column.String))
)

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// nodes is this server alone: Tarn has no cluster.
func (s system) nodes() made {
	cols := columns("node_id", column.String, "node_catalog_id", column.Uint64, "instance_id", column.String, "mode", texts,
		"core_count", column.Uint64, "state", column.String, "updated_at", column.Timestamp, "cli_params", column.String)
	return made{cols, func(add func(...any)) {
		add(s.node, uint64(0), s.instance, []string{"core"}, uint64(runtime.NumCPU()), "running", s.started, nil)
	}}
}

// generations is how long a span of time one file covers: a UTC day at most.
func generations() made {
	return made{columns("level", column.Uint64, "duration_seconds", column.Uint64), func(add func(...any)) {
		add(uint64(1), uint64(86400))
	}}
}

func (s system) databases() made {
	cols := columns("database_name", column.String, "retention_period_ns", column.Uint64, "deleted", column.Bool, "hard_deletion_time", column.Timestamp)
	cols[3].Type.Zone = "UTC"
	return made{cols, func(add func(...any)) {
		add(query.InternalDatabase, nil, false, nil)
		for _, d := range s.store.ListDatabases(true) {
			var retention any
			if d.Retention > 0 {
				retention = uint64(d.Retention)
			}
			add(d.Name, retention, d.Deleted, instant(d.HardDeleteAt))
		}
	}}
}

func (s system) tables() made {
	cols := columns("database_name", column.String, "table_name", column.String, "column_count", column.Uint64, "series_key_columns", column.String,
		"last_cache_count", column.Uint64, "distinct_cache_count", column.Uint64, "deleted", column.Bool, "hard_deletion_time", column.Timestamp, "retention_period_ns", column.Uint64)
	cols[7].Type.Zone = "UTC"
	return made{cols, func(add func(...any)) {
		for _, t := range s.store.ListTables(true) {
			var key []string
			for _, id := range t.Schema.Tags {
				key = append(key, t.Schema.Columns[id].Name)
			}
			var retention any
			if t.Retention > 0 {
				retention = uint64(t.Retention)
			}
			add(t.Database, t.Schema.Name, uint64(t.Schema.Live()), strings.Join(key, ", "), uint64(t.LastCaches), uint64(t.DistinctCaches), t.Deleted, instant(t.HardDeleteAt), retention)
		}
	}}
}

func (s system) tokens() made {
	defs := []any{"token_id", column.Uint64, "name", column.String, "hash", column.String, "created_at", column.Timestamp, "description", column.String,
		"created_by_token_id", column.Uint64, "updated_at", column.Timestamp, "updated_by_token_id", column.Uint64, "expiry", column.Timestamp, "permissions", column.String}
	if s.withoutAuth {
		defs = slices.Delete(defs, 4, 6)
	}
	return made{columns(defs...), func(add func(...any)) {
		for _, t := range s.store.Tokens().List() {
			ms := func(v int64) any {
				if v == 0 {
					return nil
				}
				return time.UnixMilli(v)
			}
			by := func(id int64) any {
				if id < 0 {
					return nil
				}
				return uint64(id)
			}
			var description any
			if t.Description != "" {
				description = t.Description
			}
			row := []any{t.ID, t.Name, hex.EncodeToString(t.Hash[:])[:9], ms(t.CreatedAt), description, by(t.CreatedBy), ms(t.UpdatedAt), by(t.UpdatedBy), ms(t.ExpiresAt), "*:*:*"}
			if s.withoutAuth {
				row = slices.Delete(row, 2, 3)
			}
			add(row...)
		}
	}}
}

func (s system) files(database string) made {
	cols := columns("table_name", column.String, "path", column.String, "size_bytes", column.Uint64, "row_count", column.Uint64, "min_time", column.Int64, "max_time", column.Int64)
	return made{cols, func(add func(...any)) {
		db, ok := s.store.Database(database)
		if !ok {
			return
		}
		for _, f := range db.Segments() {
			add(f.Table, f.Path, uint64(f.Bytes), uint64(f.Rows), f.MinTime, f.MaxTime)
		}
	}}
}

func (s system) schemas(database string) made {
	return made{columns("measurement", column.String, "key", column.String, "data_type", column.String), func(add func(...any)) {
		db, ok := s.store.Database(database)
		if !ok {
			return
		}
		for _, name := range db.Tables() {
			t, ok := db.Table(name)
			if !ok {
				continue
			}
			for _, c := range t.Sorted() {
				add(name, c.Name, schemaType(c))
			}
		}
	}}
}

func schemaType(c schema.Column) string {
	switch {
	case c.Role == schema.Time:
		return "time"
	case c.Role == schema.Tag:
		return "tag"
	}
	switch c.Kind {
	case column.Bool:
		return "boolean"
	case column.Int64:
		return "integer"
	case column.Uint64:
		return "uinteger"
	case column.Float64:
		return "float"
	}
	return "string"
}
