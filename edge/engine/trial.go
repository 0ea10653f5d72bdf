package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tarn/lp"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// Trial asks for a test run of a plugin (spec/processing-engine.md sections 1.6
// and 1.7).
type Trial struct {
	Plugin, Database string
	Lines            string // of a write plugin
	Schedule         string // of a scheduled plugin, a cron expression
	CacheName        string
	Arguments        map[string]string
}

// TrialResult is what a test run did. Nothing of it was written.
type TrialResult struct {
	LogLines []string            `json:"log_lines"`
	Writes   map[string][]string `json:"database_writes"`
	Errors   []string            `json:"errors"`
}

func failedTrial(text string) TrialResult {
	return TrialResult{[]string{}, map[string][]string{}, []string{text}}
}

// TryWrites runs a write plugin on lines. Errors of the plugin are in the
// result.
func (e *Engine) TryWrites(ctx context.Context, t Trial) (TrialResult, error) {
	code, err := e.load(ctx, t.Plugin)
	if err != nil {
		return TrialResult{}, err
	}
	if err := store.CheckDatabaseName(t.Database); err != nil {
		return failedTrial("invalid database " + t.Database), nil
	}
	tables, err := parseLines(t.Lines, e.opts.Now())
	if err != nil {
		return failedTrial(err.Error()), nil
	}
	return e.try(ctx, t, &call{kind: kindWAL, code: code, tables: tables})
}

// TrySchedule runs a scheduled plugin at the next time of its schedule.
func (e *Engine) TrySchedule(ctx context.Context, t Trial) (at time.Time, r TrialResult, err error) {
	code, err := e.load(ctx, t.Plugin)
	if err != nil {
		return at, r, err
	}
	if _, ok := e.opts.Store.Database(t.Database); !ok {
		return at, failedTrial("couldn't find db"), nil
	}
	if t.Schedule == "" {
		t.Schedule = "* * * * * *"
	}
	schedule, err := parseCron(t.Schedule)
	if err != nil {
		return at, failedTrial("invalid cron syntax: " + err.Error()), nil
	}
	next := schedule.Next(e.opts.Now().UTC())
	if next.IsZero() {
		return at, failedTrial("cron schedule never triggers: " + t.Schedule), nil
	}
	r, err = e.try(ctx, t, &call{kind: kindSchedule, code: code, time: next.Unix()})
	if err == nil && len(r.LogLines) > 0 {
		at = next
	}
	return at, r, err
}

func (e *Engine) try(ctx context.Context, t Trial, c *call) (TrialResult, error) {
	var mu sync.Mutex
	logs := []string{}
	c.log = func(level, text string) {
		mu.Lock()
		defer mu.Unlock()
		if len(logs) < maxLogRows {
			logs = append(logs, level+": "+text)
		}
	}
	keep := &captured{live: live{e}}
	c.host, c.test, c.database, c.args = keep, true, t.Database, t.Arguments
	if c.key = t.CacheName; c.key == "" {
		c.key = "_shared_test"
	}
	c.log(levelInfo, starting(c))
	began := time.Now()
	o, err := e.perform(ctx, c)
	var gone *workerGone
	var slow *timeoutError
	switch {
	case errors.As(err, &gone), errors.As(err, &slow):
		return failedTrial("error executing plugin: " + err.Error()), nil
	case err != nil:
		return TrialResult{}, err
	case o.bad:
		return failedTrial("error executing plugin: " + o.failed), nil
	}
	c.log(levelInfo, "finished execution in "+humanTime(time.Since(began)))
	r := TrialResult{LogLines: logs, Writes: map[string][]string{}, Errors: []string{}}
	keep.mu.Lock()
	defer keep.mu.Unlock()
	for _, db := range databasesOf(append(keep.writes, o.writes...), t.Database) {
		r.Writes[db.name] = db.lines
		if err := store.CheckDatabaseName(db.name); err != nil {
			r.Errors = append(r.Errors, fmt.Sprintf("database name %s is invalid: %s", db.name, err))
			continue
		}
		tables, err := parseLines(strings.Join(db.lines, "\n"), e.opts.Now())
		if err == nil {
			err = e.fits(db.name, tables)
		}
		if err != nil {
			r.Errors = append(r.Errors, fmt.Sprintf("line protocol parse error on write to db %s: %s", db.name, err))
		}
	}
	return r, nil
}

// fits says which column has another type in the database.
func (e *Engine) fits(database string, tables []*points.Table) error {
	db, ok := e.opts.Store.Database(database)
	if !ok {
		return nil
	}
	for _, t := range tables {
		sch, ok := db.Table(t.Name)
		if !ok {
			continue
		}
		for _, f := range t.Fields {
			if c, ok := sch.Column(f.Name); ok && c.Kind != f.Kind {
				return fmt.Errorf("invalid column type for column '%s', expected %s, got %s", f.Name, column.Of(c.Kind), column.Of(f.Kind))
			}
		}
	}
	return nil
}

var fieldKinds = [...]column.Kind{
	lp.Float: column.Float64, lp.Integer: column.Int64, lp.Unsigned: column.Uint64, lp.Boolean: column.Bool, lp.String: column.String,
}

// parseLines reads line protocol without a database; all lines must be good.
func parseLines(text string, now time.Time) ([]*points.Table, error) {
	b := points.NewBatch()
	d := lp.NewDecoder(strings.NewReader(text))
	var tags []points.Tag
	for d.Next() {
		l := d.Line()
		if err := d.LineErr(); err != nil {
			return nil, err
		}
		name, keyTags, bad := l.ParseKey()
		if bad != nil {
			return nil, bad
		}
		t := b.Table(name)
		tags = tags[:0]
		for _, g := range keyTags {
			tags = append(tags, points.Tag{Key: g.Key, Value: g.Value})
		}
		at := now.UnixNano()
		if l.HasTime {
			at = l.Time
		}
		row := t.AddRow(t.AddSeries(nil, tags), at)
		for i := range l.Fields {
			f := &l.Fields[i]
			n := t.Field(f.Key, fieldKinds[f.Kind])
			col := t.Fields[n]
			switch {
			case col.Kind != fieldKinds[f.Kind]:
				return nil, fmt.Errorf("line %d: field %s has two types", l.Number, f.Key)
			case len(col.Bits) > row: // the field is there twice in the line
			case f.Kind == lp.String:
				col.SetString(row, f.Str)
			default:
				col.Set(row, f.Bits)
			}
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	var out []*points.Table
	for _, t := range b.Tables {
		t.Pad()
		out = append(out, t)
	}
	return out, nil
}
