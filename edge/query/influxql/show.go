package influxql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/plan"
	"tarn/edge/query/result"
	"tarn/store/column"
	"tarn/store/schema"
)

// listing is a table that is made when it is read.
type listing struct {
	columns []plan.Column
	read    func(ctx context.Context, add func(values ...any)) error
}

// Columns is plan.SystemTable's.
func (l *listing) Columns() []plan.Column { return l.columns }

// Read is plan.SystemTable's.
func (l *listing) Read(ctx context.Context) (*column.Batch, error) {
	b := &column.Batch{}
	for _, c := range l.columns {
		b.Cols = append(b.Cols, column.NewVector(c.Type, 0))
	}
	err := l.read(ctx, func(values ...any) {
		for i, x := range values {
			v := b.Cols[i]
			if x == nil {
				v.AppendNull(1)
				continue
			}
			v.SetLen(b.Len + 1)
			switch x := x.(type) {
			case string:
				v.Strings[b.Len] = x
			case int64:
				v.Ints[b.Len] = x
			case bool:
				v.Bools[b.Len] = x
			}
		}
		b.Len++
	})
	return b, err
}

var (
	textType   = column.Of(column.String)
	numberType = column.Of(column.Int64)
	flagType   = column.Of(column.Bool)
)

// list makes a statement of a listing; the first column is the series' name.
func (b *Binder) list(name string, unnamed bool, columns []plan.Column, read func(ctx context.Context, add func(values ...any)) error) *Statement {
	all := append([]plan.Column{{Name: MeasurementColumn, Type: textType}}, columns...)
	l := &listing{columns: all, read: read}
	s := &plan.SystemScan{Name: name, Table: l, Output: all}
	for i := range all {
		s.Picked = append(s.Picked, i)
	}
	st := &Statement{Statement: plan.Statement{Plan: s}, Series: result.Series{Unnamed: unnamed}}
	if b.Flat && unnamed { // no column without a meaning
		st.Plan = trimFirst(s)
	}
	return st
}

func trimFirst(n plan.Node) plan.Node {
	p := &plan.Project{Input: n}
	for i, c := range n.Columns()[1:] {
		add(p, c.Name, columnOf(n, i+1))
	}
	return p
}

func texts(names ...string) []plan.Column {
	out := make([]plan.Column, len(names))
	for i, n := range names {
		out[i] = plan.Column{Name: n, Type: textType}
	}
	return out
}

// isShow says whether a statement lists something.
func isShow(s ast.Statement) bool {
	switch s.(type) {
	case *ast.ShowDatabasesStatement, *ast.ShowRetentionPoliciesStatement, *ast.ShowMeasurementsStatement, *ast.ShowTagKeysStatement,
		*ast.ShowTagValuesStatement, *ast.ShowFieldKeysStatement, *ast.ShowSeriesStatement, *ast.ShowSeriesCardinalityStatement,
		*ast.ShowMeasurementCardinalityStatement, *ast.ShowTagKeyCardinalityStatement, *ast.ShowTagValuesCardinalityStatement,
		*ast.ShowFieldKeyCardinalityStatement, *ast.ShowGrantsForUserStatement:
		return true
	}
	return fixed(s) != nil
}

// fixed are the columns of statements about things that this server has not:
// they list nothing (spec/influxql.md section 3).
func fixed(s ast.Statement) []string {
	switch s.(type) {
	case *ast.ShowUsersStatement:
		return []string{"user", "admin"}
	case *ast.ShowQueriesStatement:
		return []string{"qid", "query", "database", "duration", "status"}
	case *ast.ShowContinuousQueriesStatement:
		return []string{"name", "query"}
	case *ast.ShowSubscriptionsStatement:
		return []string{"retention_policy", "name", "mode", "destinations"}
	case *ast.ShowShardsStatement:
		return []string{"id", "database", "retention_policy", "shard_group", "start_time", "end_time", "expiry_time", "owners"}
	case *ast.ShowShardGroupsStatement:
		return []string{"id", "database", "retention_policy", "start_time", "end_time", "expiry_time"}
	case *ast.ShowStatsStatement, *ast.ShowDiagnosticsStatement:
		return []string{"name"}
	}
	return nil
}

// show plans what lists something.
func (b *Binder) show(s ast.Statement) (*Statement, error) {
	switch s := s.(type) {
	case *ast.ShowDatabasesStatement:
		return b.showDatabases(), nil
	case *ast.ShowRetentionPoliciesStatement:
		return b.showRetentionPolicies(s)
	case *ast.ShowMeasurementsStatement:
		return b.showMeasurements(s)
	case *ast.ShowMeasurementCardinalityStatement:
		return b.measurementCardinality(s)
	case *ast.ShowTagKeysStatement:
		return b.showTagKeys(s)
	case *ast.ShowTagKeyCardinalityStatement:
		return b.counted(s.Database, s.Sources, s.Condition, s.Limit, s.Offset, func(t *tagged) (int64, error) {
			keys, err := t.usedKeys()
			return int64(len(keys)), err
		})
	case *ast.ShowTagValuesStatement:
		return b.showTagValues(s)
	case *ast.ShowTagValuesCardinalityStatement:
		return b.counted(s.Database, s.Sources, s.Condition, s.Limit, s.Offset, func(t *tagged) (int64, error) {
			n := int64(0)
			err := t.values(s.Op, s.TagKeyExpr, func(string, string) { n++ })
			return n, err
		})
	case *ast.ShowFieldKeysStatement:
		return b.showFieldKeys(s)
	case *ast.ShowFieldKeyCardinalityStatement:
		return b.counted(s.Database, s.Sources, s.Condition, s.Limit, s.Offset, func(t *tagged) (int64, error) {
			return int64(t.schema.Live() - 1 - len(t.schema.Tags)), nil
		})
	case *ast.ShowSeriesStatement:
		return b.showSeries(s)
	case *ast.ShowSeriesCardinalityStatement:
		return b.seriesCardinality(s)
	}
	columns := fixed(s)
	if _, ok := s.(*ast.ShowGrantsForUserStatement); ok {
		return nil, planError("user not found")
	}
	if columns == nil {
		return nil, notImplemented("%s", firstWords(s))
	}
	st := b.list("show", true, texts(columns...), func(context.Context, func(...any)) error { return nil })
	st.Series.Header = true
	return st, nil
}

// firstWords names a kind of statement by its first two words.
func firstWords(s ast.Statement) string {
	words := strings.Fields(s.String())
	return strings.Join(words[:min(2, len(words))], " ")
}

// DatabaseInfo is a database as SHOW DATABASES lists it.
type DatabaseInfo struct {
	Name      string
	Retention time.Duration
	Deleted   bool
}

func (b *Binder) showDatabases() *Statement {
	if b.Flat {
		st := b.list("databases", true, []plan.Column{{Name: "iox::database", Type: textType}, {Name: "deleted", Type: flagType}}, func(_ context.Context, add func(...any)) error {
			add("", "_internal", false)
			all := b.List(true)
			slices.SortStableFunc(all, func(x, y DatabaseInfo) int { return flag(x.Deleted) - flag(y.Deleted) })
			for _, d := range all {
				add("", d.Name, d.Deleted)
			}
			return nil
		})
		return st
	}
	return b.list("databases", false, texts("name"), func(_ context.Context, add func(...any)) error {
		add("databases", "_internal")
		last := ""
		for _, d := range b.List(false) {
			// A retention policy is no database to v1's clients.
			name, _, _ := strings.Cut(d.Name, "/")
			if name != last {
				add("databases", name)
			}
			last = name
		}
		return nil
	})
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// policies are the retention policies of a database.
func (b *Binder) policies(db string) ([]DatabaseInfo, error) {
	var out []DatabaseInfo
	for _, d := range b.List(false) {
		name, rp, _ := strings.Cut(d.Name, "/")
		if name != db {
			continue
		}
		if rp == "" {
			rp = "autogen"
		}
		out = append(out, DatabaseInfo{Name: rp, Retention: d.Retention})
	}
	if len(out) == 0 && db != "_internal" {
		return nil, &plan.Error{Class: plan.DatabaseNotFound, Msg: "database not found: " + db}
	}
	return out, nil
}

func (b *Binder) showRetentionPolicies(s *ast.ShowRetentionPoliciesStatement) (*Statement, error) {
	db := s.Database
	if db == "" {
		db = b.Database
	}
	if db == "" {
		return nil, ErrNoDatabase
	}
	ps, err := b.policies(db)
	if err != nil {
		return nil, err
	}
	if b.Flat {
		return b.list("retention policies", true, texts("iox::database", "name", "duration"), func(_ context.Context, add func(...any)) error {
			for _, p := range ps {
				add("", db, p.Name, p.Retention.String())
			}
			return nil
		}), nil
	}
	columns := append(texts("name", "duration"), plan.Column{Name: "default", Type: flagType})
	return b.list("retention policies", false, columns, func(_ context.Context, add func(...any)) error {
		for _, p := range ps {
			add("retention_policies", p.Name, p.Retention.String(), p.Name == "autogen")
		}
		return nil
	}), nil
}

// sources are the measurements that a SHOW statement is about: all, or those
// that FROM names. A database or retention policy in FROM goes before db.
func (b *Binder) sources(db string, from ast.Sources) (plan.Database, []*schema.Table, error) {
	db, rp, err := placeOf(db, from)
	if err != nil {
		return nil, nil, err
	}
	d, err := b.database(db, rp)
	if err != nil {
		return nil, nil, err
	}
	var out []*schema.Table
	seen := map[string]bool{}
	for _, name := range d.Tables() {
		t, ok := d.Table(name)
		if !ok {
			continue
		}
		if len(from) == 0 {
			out = append(out, t)
			continue
		}
		for _, src := range from {
			m, ok := src.(*ast.Measurement)
			if ok && !seen[name] && (m.Regex != nil && m.Regex.Val.MatchString(name) || m.Regex == nil && m.Name == name) {
				seen[name] = true
				out = append(out, t)
			}
		}
	}
	slices.SortFunc(out, func(x, y *schema.Table) int { return strings.Compare(x.Name, y.Name) })
	return d, out, nil
}

// placeOf is the database and the retention policy that the measurements of
// FROM are in: one place, since a list tells only their names.
func placeOf(db string, from ast.Sources) (database, policy string, err error) {
	placed := false
	for _, src := range from {
		m, ok := src.(*ast.Measurement)
		if !ok || m.Database == "" && m.RetentionPolicy == "" {
			continue
		}
		named := m.Database
		if named == "" {
			named = db
		}
		if placed && (named != database || m.RetentionPolicy != policy) {
			return "", "", &plan.Error{Class: plan.Plan, Msg: "the measurements of FROM must be of one database and retention policy"}
		}
		database, policy, placed = named, m.RetentionPolicy, true
	}
	if !placed {
		database = db
	}
	return database, policy, nil
}

// page cuts a list by LIMIT and OFFSET, of which 0 means none.
func page[T any](items []T, limit, offset int) []T {
	items = items[min(offset, len(items)):]
	if limit > 0 {
		items = items[:min(limit, len(items))]
	}
	return items
}

func (b *Binder) showMeasurements(s *ast.ShowMeasurementsStatement) (*Statement, error) {
	names, err := b.measurements(s.Database, s.Source, s.Condition)
	if err != nil {
		return nil, err
	}
	return b.list("measurements", false, texts("name"), func(ctx context.Context, add func(...any)) error {
		all, err := names(ctx)
		if err != nil {
			return err
		}
		for _, n := range page(all, s.Limit, s.Offset) {
			add("measurements", n)
		}
		return nil
	}), nil
}

// measurements lists the names of the measurements that have a series for which
// a condition holds.
func (b *Binder) measurements(db string, src ast.Source, cond ast.Expr) (func(context.Context) ([]string, error), error) {
	var from ast.Sources
	if src != nil {
		from = ast.Sources{src}
	}
	d, tables, err := b.sources(db, from)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, cond)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]string, error) {
		var out []string
		for _, t := range bound {
			ok := true
			if t.filtered() {
				ok = false
				if err := t.each(ctx, func([]*string) { ok = true }); err != nil {
					return nil, err
				}
			}
			if ok {
				out = append(out, t.schema.Name)
			}
		}
		return out, nil
	}, nil
}

func (b *Binder) measurementCardinality(s *ast.ShowMeasurementCardinalityStatement) (*Statement, error) {
	d, tables, err := b.sources(s.Database, s.Sources)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, s.Condition)
	if err != nil {
		return nil, err
	}
	name := "count"
	if !s.Exact && s.Condition == nil && len(s.Sources) == 0 {
		name = "cardinality estimation"
	}
	return b.list("cardinality", true, []plan.Column{{Name: name, Type: numberType}}, func(ctx context.Context, add func(...any)) error {
		n := int64(0)
		for _, t := range bound {
			has := !t.filtered()
			if !has {
				if err := t.each(ctx, func([]*string) { has = true }); err != nil {
					return err
				}
			}
			n += int64(flag(has))
		}
		add("", n)
		return nil
	}), nil
}

func (b *Binder) showFieldKeys(s *ast.ShowFieldKeysStatement) (*Statement, error) {
	_, tables, err := b.sources(s.Database, s.Sources)
	if err != nil {
		return nil, err
	}
	return b.list("field keys", false, texts("fieldKey", "fieldType"), func(_ context.Context, add func(...any)) error {
		for _, t := range tables {
			var fields []schema.Column
			for _, c := range t.Sorted() {
				if c.Role == schema.Field {
					fields = append(fields, c)
				}
			}
			for _, c := range page(fields, s.Limit, s.Offset) {
				add(t.Name, c.Name, dataType(c.Kind).String())
			}
		}
		return nil
	}), nil
}

func (b *Binder) showTagKeys(s *ast.ShowTagKeysStatement) (*Statement, error) {
	d, tables, err := b.sources(s.Database, s.Sources)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, s.Condition)
	if err != nil {
		return nil, err
	}
	return b.list("tag keys", false, texts("tagKey"), func(ctx context.Context, add func(...any)) error {
		shown := 0
		for _, t := range bound {
			keys := t.keys
			if t.filtered() {
				t.ctx = ctx
				if keys, err = t.usedKeys(); err != nil {
					return err
				}
			}
			keys = page(keys, s.Limit, s.Offset)
			if len(keys) == 0 {
				continue
			}
			if shown++; s.SOffset >= shown || s.SLimit > 0 && shown > s.SOffset+s.SLimit {
				continue
			}
			for _, k := range keys {
				add(t.schema.Name, k)
			}
		}
		return nil
	}), nil
}

func (b *Binder) showTagValues(s *ast.ShowTagValuesStatement) (*Statement, error) {
	d, tables, err := b.sources(s.Database, s.Sources)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, s.Condition)
	if err != nil {
		return nil, err
	}
	return b.list("tag values", false, texts("key", "value"), func(ctx context.Context, add func(...any)) error {
		for _, t := range bound {
			t.ctx = ctx
			var pairs [][2]string
			if err := t.values(s.Op, s.TagKeyExpr, func(k, v string) { pairs = append(pairs, [2]string{k, v}) }); err != nil {
				return err
			}
			if len(s.SortFields) > 0 && !s.SortFields[0].Ascending {
				slices.Reverse(pairs)
			}
			for _, p := range page(pairs, s.Limit, s.Offset) {
				add(t.schema.Name, p[0], p[1])
			}
		}
		return nil
	}), nil
}

func (b *Binder) showSeries(s *ast.ShowSeriesStatement) (*Statement, error) {
	d, tables, err := b.sources(s.Database, s.Sources)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, s.Condition)
	if err != nil {
		return nil, err
	}
	return b.list("series", true, texts("key"), func(ctx context.Context, add func(...any)) error {
		var all []string
		for _, t := range bound {
			if err := t.each(ctx, func(tags []*string) { all = append(all, t.seriesKey(tags)) }); err != nil {
				return err
			}
		}
		slices.Sort(all)
		if len(s.SortFields) > 0 && !s.SortFields[0].Ascending {
			slices.Reverse(all)
		}
		for _, k := range page(all, s.Limit, s.Offset) {
			add("", k)
		}
		return nil
	}), nil
}

func (b *Binder) seriesCardinality(s *ast.ShowSeriesCardinalityStatement) (*Statement, error) {
	count := func(t *tagged) (int64, error) {
		n := int64(0)
		err := t.each(t.ctx, func([]*string) { n++ })
		return n, err
	}
	if s.Exact || s.Condition != nil || len(s.Sources) > 0 {
		return b.counted(s.Database, s.Sources, s.Condition, s.Limit, s.Offset, count)
	}
	d, tables, err := b.sources(s.Database, nil)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, nil)
	if err != nil {
		return nil, err
	}
	return b.list("cardinality", true, []plan.Column{{Name: "cardinality estimation", Type: numberType}}, func(ctx context.Context, add func(...any)) error {
		total := int64(0)
		for _, t := range bound {
			t.ctx = ctx
			n, err := count(t)
			if err != nil {
				return err
			}
			total += n
		}
		add("", total)
		return nil
	}), nil
}

// counted lists one number for each measurement that has any.
func (b *Binder) counted(db string, from ast.Sources, cond ast.Expr, limit, offset int, count func(*tagged) (int64, error)) (*Statement, error) {
	d, tables, err := b.sources(db, from)
	if err != nil {
		return nil, err
	}
	bound, err := b.tagged(d, tables, cond)
	if err != nil {
		return nil, err
	}
	return b.list("cardinality", false, []plan.Column{{Name: "count", Type: numberType}}, func(ctx context.Context, add func(...any)) error {
		for _, t := range bound {
			t.ctx = ctx
			n, err := count(t)
			if err != nil {
				return fmt.Errorf("count in measurement %s: %w", t.schema.Name, err)
			}
			if n > 0 && len(page([]int64{n}, limit, offset)) > 0 {
				add(t.schema.Name, n)
			}
		}
		return nil
	}), nil
}
