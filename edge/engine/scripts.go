package engine

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"tarn/store/column"
)

//go:embed scripts.py
var scriptSupport string

// Script is a coprocessor of GreptimeDB's API: Python over the columns of a
// query (spec/greptimedb-http-api.md section 9).
type Script struct {
	Source string
	// Params are for the function's **params.
	Params map[string]string
	// Query runs the statements of the script.
	Query func(ctx context.Context, sql string) (Rows, error)
}

// Rows is the answer of a statement.
type Rows interface {
	// Columns are none for a statement that has no rows.
	Columns() []RowsColumn
	// Affected counts the rows that a statement without rows changed.
	Affected() int64
	// Next fills b with the next rows, or returns io.EOF.
	Next(ctx context.Context, b *column.Batch) error
	// Send runs what may wait for the reader.
	Send(func() error) error
	Close() error
}

// RowsColumn is a column of Rows. Unit is the nanoseconds that its times count
// in.
type RowsColumn struct {
	Name string
	Type column.Type
	Unit int64
}

// ScriptColumn is a column that a script made. Type is that of the script's
// annotations: bool, u8 to u64, i8 to i64, f32, f64 or str.
type ScriptColumn struct {
	Name, Type string
	Values     *column.Vector
}

// CheckScript says what is wrong with a script from a client, without running
// it.
func (e *Engine) CheckScript(ctx context.Context, source string) error {
	if e.opts.DirOnly && e.dir != "" {
		return &PluginError{errDirOnly.Error()}
	}
	_, err := e.script(ctx, Script{Source: source}, true)
	return err
}

// RunScript runs a script and returns its columns, which have one length.
func (e *Engine) RunScript(ctx context.Context, s Script) ([]ScriptColumn, error) {
	return e.script(ctx, s, false)
}

func (e *Engine) script(ctx context.Context, s Script, check bool) ([]ScriptColumn, error) {
	member, err := json.Marshal(struct {
		Source string            `json:"src"`
		Check  bool              `json:"check"`
		Params map[string]string `json:"params"`
	}{s.Source, check, s.Params})
	if err != nil {
		return nil, err
	}
	c := &call{kind: kindScript, key: "script", script: member, host: scriptHost{s}, log: func(level, text string) {
		e.opts.Logger.Info("script output", "level", level, "text", text)
	}}
	o, err := e.perform(ctx, c)
	switch {
	case errors.Is(err, ErrNoDir), ctx.Err() != nil:
		return nil, err
	case errors.Is(err, errNoPython), errors.Is(err, errStopping):
		return nil, &Unavailable{err}
	case err != nil:
		return nil, &FailedError{err.Error()}
	case o.bad:
		return nil, &FailedError{o.failed}
	}
	var result struct {
		Columns []struct {
			Name   string    `json:"name"`
			Type   string    `json:"type"`
			Values []*string `json:"values"`
		} `json:"columns"`
	}
	if err := json.Unmarshal(o.script, &result); err != nil {
		return nil, fmt.Errorf("the worker's answer: %w", err)
	}
	var out []ScriptColumn
	for _, col := range result.Columns {
		v, err := scriptVector(col.Type, col.Values)
		if err != nil {
			return nil, fmt.Errorf("the worker's column %q: %w", col.Name, err)
		}
		out = append(out, ScriptColumn{col.Name, col.Type, v})
	}
	return out, nil
}

// scriptVector reads the texts that scripts.py makes of values.
func scriptVector(kind string, values []*string) (*column.Vector, error) {
	types := map[string]column.Kind{"bool": column.Bool, "str": column.String, "f32": column.Float64, "f64": column.Float64,
		"u8": column.Uint64, "u16": column.Uint64, "u32": column.Uint64, "u64": column.Uint64,
		"i8": column.Int64, "i16": column.Int64, "i32": column.Int64, "i64": column.Int64}
	k, ok := types[kind]
	if !ok {
		return nil, fmt.Errorf("no type %q", kind)
	}
	v := column.NewVector(column.Of(k), len(values))
	for _, text := range values {
		if text == nil {
			v.AppendNull(1)
			continue
		}
		var err error
		switch k {
		case column.Bool:
			v.Bools = append(v.Bools, *text == "1")
		case column.String:
			v.Strings = append(v.Strings, *text)
		case column.Float64:
			var f float64
			f, err = strconv.ParseFloat(*text, 64)
			v.Floats = append(v.Floats, f)
		case column.Uint64:
			var u uint64
			u, err = strconv.ParseUint(*text, 10, 64)
			v.Uints = append(v.Uints, u)
		default:
			var i int64
			i, err = strconv.ParseInt(*text, 10, 64)
			v.Ints = append(v.Ints, i)
		}
		if err != nil {
			return nil, err
		}
		v.Len++
	}
	return v, nil
}

// affectedColumn is what scripts.py knows the number of changed rows by.
const affectedColumn = "\x00affected"

// scriptHost is the host of scripts.
type scriptHost struct{ script Script }

// query is host's.
func (h scriptHost) query(ctx context.Context, _ *call, m message, start func([]byte) []byte, send func([]byte, bool) error) error {
	r, err := h.script.Query(ctx, m.SQL)
	if err != nil {
		return err
	}
	defer r.Close()
	cols := r.Columns()
	if cols == nil {
		piece := append(start(appendNames([]string{affectedColumn})), '[')
		piece = append(strconv.AppendInt(piece, r.Affected(), 10), ']')
		return send(piece, false)
	}
	var names []string
	var units []int64
	for _, c := range cols {
		if err := supported(c.Type); err != nil {
			return &valueError{err}
		}
		names, units = append(names, c.Name), append(units, c.Unit)
	}
	return sendRows(ctx, names, units, r, start, send)
}

// write is host's.
func (h scriptHost) write(context.Context, *call, *string, string, bool) error {
	return errors.New("a script writes with query().sql")
}
