package statement

import (
	"context"
	"runtime"
	"slices"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// informationTables are the tables of information_schema.
func (r *Runner) informationTables() []string {
	return []string{"build_info", "character_sets", "cluster_info", "collations", "columns", "engines", "flows", "key_column_usage", "partitions",
		"region_peers", "region_statistics", "runtime_metrics", "schemata", "table_constraints", "tables", "views"}
}

// information makes a table of information_schema.
func (r *Runner) information(sess *Session, name string) (plan.SystemTable, bool) {
	if !slices.Contains(r.informationTables(), name) {
		return nil, false
	}
	switch name {
	case "schemata":
		out := texts("catalog_name", "schema_name", "default_character_set_name", "default_collation_name", "sql_path", "options")
		for _, d := range r.databases() {
			options := ""
			if db, ok := r.database(d); ok && db.Retention() > 0 {
				options = "ttl='" + span(db.Retention()) + "'"
			}
			out.add(gate.Catalog, d, "utf8", "utf8_bin", nil, options)
		}
		return out, true
	case "tables":
		return r.informationOfTables(sess), true
	case "columns":
		return r.informationOfColumns(sess), true
	case "key_column_usage":
		return r.keyColumns(), true
	case "table_constraints":
		out := texts("constraint_catalog", "constraint_schema", "constraint_name", "table_schema", "table_name", "constraint_type", "enforced")
		r.eachTable(func(db string, v *schema.Table, _ []int) {
			out.add("def", db, "TIME INDEX", db, v.Name, "TIME INDEX", "YES")
			if len(v.Tags) > 0 {
				out.add("def", db, "PRIMARY", db, v.Name, "PRIMARY KEY", "YES")
			}
		})
		return out, true
	case "engines":
		out := texts("engine", "support", "comment", "transactions", "xa", "savepoints")
		out.add("mito", "DEFAULT", "Storage engine for time-series data", "NO", "NO", "NO")
		out.add("metric", "YES", "Storage engine for observability scenarios, the same here", "NO", "NO", "NO")
		return out, true
	case "build_info":
		out := texts("git_branch", "git_commit", "git_commit_short", "git_clean", "pkg_version")
		out.add("main", r.Revision, r.Revision[:min(8, len(r.Revision))], "true", r.Version)
		return out, true
	case "partitions":
		out := newRows("table_catalog", column.String, "table_schema", column.String, "table_name", column.String, "partition_name", column.String,
			"greptime_partition_id", column.Uint64)
		r.eachTable(func(db string, v *schema.Table, _ []int) { out.add(gate.Catalog, db, v.Name, "p0", regionID(v)) })
		return out, true
	case "region_peers":
		out := newRows("table_catalog", column.String, "table_schema", column.String, "table_name", column.String, "region_id", column.Uint64,
			"peer_id", column.Uint64, "peer_addr", column.String, "is_leader", column.String, "status", column.String, "down_seconds", column.Int64)
		r.eachTable(func(db string, v *schema.Table, _ []int) {
			out.add(gate.Catalog, db, v.Name, regionID(v), uint64(0), "", "Yes", "ALIVE", nil)
		})
		return out, true
	case "region_statistics":
		return r.regionStatistics(), true
	case "cluster_info":
		out := newRows("peer_id", column.Int64, "peer_type", column.String, "peer_addr", column.String, "peer_hostname", column.String,
			"total_cpu_millicores", column.Int64, "version", column.String, "git_commit", column.String)
		out.add(int64(0), "STANDALONE", "", "", int64(runtime.NumCPU())*1000, r.Version, r.Revision)
		return out, true
	case "runtime_metrics":
		out := newRows("metric_name", column.String, "value", column.Float64, "labels", column.String, "peer_addr", column.String, "peer_type", column.String,
			"timestamp", column.Timestamp)
		st := r.Store.Stats()
		now := r.Now()
		for _, m := range []struct {
			name  string
			value float64
		}{{"tarn_buffer_bytes", float64(st.BufferedBytes)}, {"tarn_segment_bytes", float64(st.SegmentBytes)}, {"tarn_segments", float64(st.Segments)},
			{"tarn_series", float64(st.Series)}, {"tarn_tables", float64(st.Tables)}} {
			out.add(m.name, m.value, "", "", "STANDALONE", now)
		}
		return out, true
	case "character_sets":
		out := newRows("character_set_name", column.String, "default_collate_name", column.String, "description", column.String, "maxlen", column.Int64)
		out.add("utf8", "utf8_bin", "UTF-8 Unicode", int64(4))
		return out, true
	case "collations":
		out := texts("collation_name", "character_set_name", "is_default", "is_compiled")
		out.add("utf8_bin", "utf8", "Yes", "Yes")
		return out, true
	case "flows":
		return texts("flow_name", "table_catalog", "flow_definition"), true
	}
	return texts("table_catalog", "table_schema", "table_name", "view_definition"), true // views, of which there are none
}

// regionID numbers a table's one region as upstream does: the table's number in
// the upper half.
func regionID(v *schema.Table) uint64 { return uint64(v.ID) << 32 }

// eachTable calls fn for all stored tables.
func (r *Runner) eachTable(fn func(database string, v *schema.Table, ids []int)) {
	for _, d := range r.Store.Databases() {
		for _, name := range d.Tables() {
			if t, ok := d.Table(name); ok {
				v, ids := view(t)
				fn(d.Name(), v, ids)
			}
		}
	}
}

func (r *Runner) informationOfTables(sess *Session) *rows {
	out := newRows("table_catalog", column.String, "table_schema", column.String, "table_name", column.String, "table_type", column.String,
		"table_id", column.Uint64, "engine", column.String, "create_options", column.String, "table_comment", column.String, "temporary", column.String)
	r.eachTable(func(db string, v *schema.Table, _ []int) {
		engine := v.Def.Engine
		if engine == "" {
			engine = "mito"
		}
		options := ""
		if v.Def.Retention > 0 {
			options = "ttl=" + span(v.Def.Retention)
		}
		out.add(gate.Catalog, db, v.Name, "BASE TABLE", uint64(v.ID), engine, options, v.Def.Options["comment"], "N")
	})
	for _, t := range r.informationTables() {
		out.add(gate.Catalog, gate.InformationSchema, t, "LOCAL TEMPORARY", nil, "", "", nil, "Y")
	}
	out.add(gate.Catalog, gate.Public, "numbers", "LOCAL TEMPORARY", uint64(2), "test_engine", "", nil, "Y")
	return out
}

func (r *Runner) informationOfColumns(sess *Session) *rows {
	out := newRows("table_catalog", column.String, "table_schema", column.String, "table_name", column.String, "column_name", column.String,
		"ordinal_position", column.Int64, "column_default", column.String, "is_nullable", column.String, "data_type", column.String, "column_type", column.String,
		"column_key", column.String, "column_comment", column.String, "semantic_type", column.String, "greptime_data_type", column.String)
	add := func(db string, v *schema.Table, ids []int) {
		for i, c := range columnsOf(v, ids) {
			key, word := semantic(c)
			d := v.Def.Columns[c.Name]
			null := "Yes"
			if nullable(v, c) == "NO" {
				null = "No"
			}
			var def, comment any
			if d.Default != "" {
				def = d.Default
			}
			if d.Comment != "" {
				comment = d.Comment
			}
			out.add(gate.Catalog, db, v.Name, c.Name, int64(i+1), def, null, lower(d.Type), lower(d.Type), key, comment, word, d.Type)
		}
	}
	r.eachTable(add)
	for _, name := range r.informationTables() {
		if name == "columns" || name == "tables" {
			continue // what lists itself would list without end
		}
		if t, ok := r.information(sess, name); ok {
			add(gate.InformationSchema, virtual(name, t), nil)
		}
	}
	return out
}

func (r *Runner) keyColumns() *rows {
	out := newRows("constraint_catalog", column.String, "constraint_schema", column.String, "constraint_name", column.String, "table_catalog", column.String,
		"table_schema", column.String, "table_name", column.String, "column_name", column.String, "ordinal_position", column.Int64)
	r.eachTable(func(db string, v *schema.Table, _ []int) {
		out.add("def", db, "TIME INDEX", gate.Catalog, db, v.Name, v.Columns[0].Name, int64(1))
		for i, id := range v.Tags {
			out.add("def", db, "PRIMARY", gate.Catalog, db, v.Name, v.Columns[id].Name, int64(i+1))
		}
	})
	return out
}

func (r *Runner) regionStatistics() *rows {
	out := newRows("region_id", column.Uint64, "table_id", column.Uint64, "region_number", column.Uint64, "region_rows", column.Uint64,
		"disk_size", column.Uint64, "sst_num", column.Uint64, "engine", column.String, "region_role", column.String)
	for _, d := range r.Store.Databases() {
		type sum struct{ rows, bytes, files uint64 }
		sums := map[string]sum{}
		for _, f := range d.Segments() {
			s := sums[f.Table]
			sums[f.Table] = sum{s.rows + uint64(f.Rows), s.bytes + uint64(f.Bytes), s.files + 1}
		}
		for _, name := range d.Tables() {
			if t, ok := d.Table(name); ok {
				s := sums[name]
				out.add(regionID(t), uint64(t.ID), uint64(0), s.rows, s.bytes, s.files, "mito", "Leader")
			}
		}
	}
	return out
}

// numbers is the table of 0 to 99 that probes read.
func numbers() plan.SystemTable { return numberTable{} }

type numberTable struct{}

// Columns is plan.SystemTable's.
func (numberTable) Columns() []plan.Column {
	return []plan.Column{{Name: "number", Type: column.Of(column.Uint64)}}
}

// Targets is plan.Targeted's.
func (numberTable) Targets() []expr.Target {
	return []expr.Target{{Type: column.Of(column.Uint64), Bits: 32}}
}

// Read is plan.SystemTable's.
func (numberTable) Read(context.Context) (*column.Batch, error) {
	r := newRows("number", column.Uint64)
	for i := range uint64(100) {
		r.add(i)
	}
	return r.rows.Batch(), nil
}

// scriptTable is the table of the saved scripts.
type scriptTable struct{ store *store.Store }

func (scriptTable) rows() *rows {
	return newRows("schema", column.String, "name", column.String, "engine", column.String, "script", column.String,
		"gmt_modified", column.Timestamp, "greptime_timestamp", column.Timestamp)
}

// Columns is plan.SystemTable's.
func (t scriptTable) Columns() []plan.Column { return t.rows().columns }

// Read is plan.SystemTable's.
func (t scriptTable) Read(ctx context.Context) (*column.Batch, error) {
	list, err := t.store.Scripts(ctx)
	if err != nil {
		return nil, err
	}
	r := t.rows()
	for _, s := range list {
		r.add(s.Database, s.Name, "python", s.Source, time.Unix(0, s.ModifiedAt), time.Unix(0, 0))
	}
	return r.rows.Batch(), nil
}

// pipelineTable is the table of the log pipelines (section 8.3).
type pipelineTable struct{ store *store.Store }

func (pipelineTable) rows() *rows {
	return newRows("name", column.String, "schema", column.String, "content_type", column.String, "pipeline", column.String,
		"created_at", column.Timestamp)
}

// Columns is plan.SystemTable's.
func (t pipelineTable) Columns() []plan.Column { return t.rows().columns }

// Read is plan.SystemTable's.
func (t pipelineTable) Read(context.Context) (*column.Batch, error) {
	r := t.rows()
	for _, p := range t.store.Pipelines().List() {
		r.add(p.Name, "", "application/x-yaml", p.Text, time.Unix(0, p.CreatedAt))
	}
	return r.rows.Batch(), nil
}
