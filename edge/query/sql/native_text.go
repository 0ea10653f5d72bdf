package sql

func (w *writer) options(os []Option) {
	if len(os) == 0 {
		return
	}
	w.put(" WITH (")
	w.pairs(os)
	w.put(")")
}

func (w *writer) pairs(os []Option) {
	list(w, os, func(o Option) { w.put(quote(o.Name), " = ", quote(o.Value)) })
}

func (s *CreateDatabase) write(w *writer) {
	w.put("CREATE DATABASE ")
	w.when(s.IfNotExists, "IF NOT EXISTS ")
	w.put(s.Name)
	w.options(s.Options)
}

func (w *writer) columnDef(c ColumnDef) {
	w.put(c.Name, " ", c.Type.String())
	w.when(c.NotNull, " NOT NULL")
	w.opt(" DEFAULT ", c.Default)
	w.when(c.TimeIndex, " TIME INDEX")
	w.when(c.Key, " PRIMARY KEY")
	w.when(c.Inverted, " INVERTED INDEX")
	w.when(c.Fulltext, " FULLTEXT INDEX")
	w.when(c.Skipping, " SKIPPING INDEX")
	if c.Comment != "" {
		w.put(" COMMENT ", quote(c.Comment))
	}
}

func (s *CreateTable) write(w *writer) {
	w.put("CREATE TABLE ")
	w.when(s.IfNotExists, "IF NOT EXISTS ")
	w.put(s.Name)
	if s.Like != nil {
		w.put(" LIKE ", s.Like)
		return
	}
	w.put(" (")
	list(w, s.Columns, w.columnDef)
	if s.TimeIndex != nil {
		w.when(len(s.Columns) > 0, ", ")
		w.put("TIME INDEX (", *s.TimeIndex, ")")
	}
	if s.Key != nil {
		w.when(len(s.Columns) > 0 || s.TimeIndex != nil, ", ")
		w.put("PRIMARY KEY ")
		w.idents(s.Key)
	}
	w.put(")")
	if s.Engine != "" {
		w.put(" ENGINE = ", quote(s.Engine))
	}
	w.options(s.Options)
}

func (s *Drop) write(w *writer) {
	w.put("DROP ")
	w.when(s.Database, "DATABASE ")
	w.when(!s.Database, "TABLE ")
	w.when(s.IfExists, "IF EXISTS ")
	list(w, s.Names, func(n ObjectName) { w.put(n) })
}

func (s *Truncate) write(w *writer) { w.put("TRUNCATE TABLE ", s.Table) }

func (s *AlterDatabase) write(w *writer) {
	w.put("ALTER DATABASE ", s.Name)
	w.setOptions(s.Unset, s.Set)
}

func (w *writer) setOptions(unset bool, os []Option) {
	if unset {
		w.put(" UNSET ")
		list(w, os, func(o Option) { w.put(quote(o.Name)) })
		return
	}
	w.put(" SET ")
	w.pairs(os)
}

func (s *AlterTable) write(w *writer) {
	w.put("ALTER TABLE ", s.Name)
	for i, op := range s.Ops {
		w.when(i > 0, ",")
		switch op.Kind {
		case "ADD":
			w.put(" ADD COLUMN ")
			w.when(op.IfNotExists, "IF NOT EXISTS ")
			w.columnDef(op.Column)
			w.when(op.First, " FIRST")
			if op.After != nil {
				w.put(" AFTER ", *op.After)
			}
		case "DROP":
			w.put(" DROP COLUMN ", op.Column.Name)
		case "RENAME":
			w.put(" RENAME ", op.To)
		case "MODIFY":
			w.put(" MODIFY COLUMN ", op.Column.Name, " ", op.Column.Type.String())
		case "SET DEFAULT":
			w.put(" MODIFY COLUMN ", op.Column.Name, " SET DEFAULT ", op.Column.Default)
		case "DROP DEFAULT":
			w.put(" MODIFY COLUMN ", op.Column.Name, " DROP DEFAULT")
		case "SET INDEX":
			w.put(" MODIFY COLUMN ", op.Column.Name, " SET ", op.Index, " INDEX")
		case "UNSET INDEX":
			w.put(" MODIFY COLUMN ", op.Column.Name, " UNSET ", op.Index, " INDEX")
		default:
			w.setOptions(op.Kind == "UNSET", op.Options)
		}
	}
}

func (s *Insert) write(w *writer) {
	w.put("INSERT INTO ", s.Table)
	if s.Columns != nil {
		w.put(" ")
		w.idents(s.Columns)
	}
	if s.Query != nil {
		w.put(" ", s.Query)
		return
	}
	w.put(" VALUES ")
	list(w, s.Rows, func(r []Expr) { w.put("("); w.exprs(r); w.put(")") })
}

func (s *Delete) write(w *writer) {
	w.put("DELETE FROM ", s.Table)
	w.opt(" WHERE ", s.Where)
}

func (s *ShowNative) write(w *writer) {
	w.put("SHOW ")
	w.when(s.Full, "FULL ")
	w.put(s.What)
	if s.Name != nil {
		w.when(s.What == "COLUMNS" || s.What == "INDEX", " FROM")
		w.put(" ", s.Name)
	}
	if s.From != nil {
		w.put(" FROM ", *s.From)
	}
	if s.Like != "" {
		w.put(" LIKE ", quote(s.Like))
	}
	w.opt(" WHERE ", s.Where)
}

func (s *Use) write(w *writer) { w.put("USE ", s.Database) }

func (s *SetVariable) write(w *writer) {
	w.put("SET ", s.Name, " = ")
	w.exprs(s.Values)
}

func (s *Admin) write(w *writer) { w.put("ADMIN ", s.Call) }

func (s *TQL) write(w *writer) {
	w.put("TQL ", s.Kind, " ")
	w.when(s.Verbose, "VERBOSE ")
	if s.Format != "" {
		w.put("FORMAT ", s.Format, " ")
	}
	if s.Params != nil {
		w.put("(")
		w.exprs(s.Params)
		w.put(") ")
	}
	w.put(s.Query)
	if s.Alias != nil {
		w.put(" AS ", *s.Alias)
	}
}

func (d Duration) write(w *writer) {
	if d.Interval != nil {
		w.put("(", d.Interval, ")")
		return
	}
	w.put(quote(d.Text))
}

func (f *RangeFill) write(w *writer) {
	w.put(" FILL ", f.Kind)
	w.opt("", f.Value)
}

func (r *RangeAgg) write(w *writer) {
	if r.Of != nil {
		w.put("(", r.Of, ")")
	} else {
		w.put(r.Call)
	}
	w.put(" RANGE ", r.Range)
	if r.Fill != nil {
		w.put(r.Fill)
	}
}

func (a *Align) write(w *writer) {
	w.put(" ALIGN ", a.Step)
	w.when(a.Now, " TO NOW")
	w.opt(" TO ", a.To)
	if a.HasBy {
		w.put(" BY (")
		w.exprs(a.By)
		w.put(")")
	}
	if a.Fill != nil {
		w.put(a.Fill)
	}
}

func (*DefaultValue) write(w *writer) { w.put("DEFAULT") }
