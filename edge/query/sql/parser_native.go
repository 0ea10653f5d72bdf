package sql

import (
	"strings"
)

// clauseWords end what stands before them in GreptimeDB's dialect: they are no
// bare aliases.
func (p *parser) atClause() bool {
	t := p.peek()
	return p.native && t.kind == tokIdent && (t.text == "align" || t.text == "range" || t.text == "fill")
}

func (p *parser) refuse(pos int, what string) error {
	e := newError(p.text, pos, what)
	e.refused = true
	return e
}

// parseNative reads one statement of GreptimeDB's dialect.
func (p *parser) parseNative() (Statement, error) {
	t := p.peek()
	if t.kind != tokIdent {
		return p.parseStatement()
	}
	switch t.text {
	case "create":
		return p.parseCreate()
	case "drop":
		return p.parseDrop()
	case "alter":
		return p.parseAlter()
	case "truncate":
		p.next()
		p.accept("table")
		name, err := p.objectName("a table name")
		return &Truncate{at(t.pos), name}, err
	case "insert":
		return p.parseInsert()
	case "delete":
		p.next()
		if err := p.expect("from"); err != nil {
			return nil, err
		}
		d := &Delete{at: at(t.pos)}
		var err error
		if d.Table, err = p.objectName("a table name"); err != nil {
			return nil, err
		}
		if p.accept("where") {
			d.Where, err = p.parseExpr()
		}
		return d, err
	case "show":
		return p.parseShowNative()
	case "use":
		p.next()
		id, err := p.ident("a database name")
		return &Use{at(t.pos), id}, err
	case "set":
		return p.parseSet()
	case "admin":
		p.next()
		e, err := p.parsePrimary()
		if err != nil {
			return nil, err
		}
		call, ok := e.(*Call)
		if !ok {
			return nil, p.fail(t.pos, "Expected: a function call after ADMIN")
		}
		for i, a := range call.Args {
			if q, ok := a.(*ColumnRef); ok && q.Name.Quoted && q.Qualifier == nil { // "table"
				call.Args[i] = &Literal{at: q.at, Kind: StringLit, Str: q.Name.Name}
			}
		}
		return &Admin{at(t.pos), call}, nil
	case "copy", "kill", "declare", "fetch", "close", "grant", "revoke", "replace", "begin", "commit", "rollback", "comment", "update", "merge":
		return nil, p.refuse(t.pos, "Unsupported statement: "+strings.ToUpper(t.text))
	}
	return p.parseStatement()
}

func (p *parser) ifNotExists() bool { return p.accept("if", "not", "exists") }

func (p *parser) parseCreate() (Statement, error) {
	start := p.next().pos
	switch {
	case p.accept("database"), p.accept("schema"):
		s := &CreateDatabase{at: at(start), IfNotExists: p.ifNotExists()}
		var err error
		if s.Name, err = p.objectName("a database name"); err != nil {
			return nil, err
		}
		s.Options, err = p.withOptions()
		return s, err
	case p.accept("table"):
		return p.parseCreateTable(start)
	}
	what := strings.ToUpper(p.peek().text)
	if p.atWords("or", "replace") {
		what = strings.ToUpper(p.peekAt(2).text)
	}
	switch what {
	case "VIEW", "FLOW", "EXTERNAL", "TRIGGER", "TEMPORARY", "USER":
		return nil, p.refuse(start, "Unsupported statement: CREATE "+what)
	}
	return nil, p.expected("DATABASE or TABLE")
}

func (p *parser) parseCreateTable(start int) (Statement, error) {
	s := &CreateTable{at: at(start), IfNotExists: p.ifNotExists()}
	var err error
	if s.Name, err = p.objectName("a table name"); err != nil {
		return nil, err
	}
	if p.accept("like") {
		s.Like, err = p.objectName("a table name")
		return s, err
	}
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	for {
		if err := p.tableElement(s); err != nil {
			return nil, err
		}
		if !p.acceptOp(",") {
			break
		}
		if p.peek().isOp(")") { // a trailing comma
			break
		}
	}
	if err := p.expectOp(")"); err != nil {
		return nil, err
	}
	if p.accept("partition", "on", "columns") {
		// One node holds all partitions: what they are does not matter.
		for range 2 {
			if err := p.skipParens(); err != nil {
				return nil, err
			}
		}
	}
	if p.accept("engine") {
		p.acceptOp("=")
		t := p.next()
		if t.kind != tokIdent && t.kind != tokString && t.kind != tokQuoted {
			return nil, p.fail(t.pos, "Expected: an engine, found: %s", t.src)
		}
		s.Engine = t.text
	}
	s.Options, err = p.withOptions()
	return s, err
}

// skipParens passes over "( ... )" with what is in it.
func (p *parser) skipParens() error {
	if !p.peek().isOp("(") {
		return p.expected("(")
	}
	end := p.closing(p.i + 1)
	if end >= len(p.tokens) || !p.tokens[end].isOp(")") {
		return p.expected("( with a )")
	}
	p.i = end + 1
	return nil
}

// tableElement reads a column or a constraint.
func (p *parser) tableElement(s *CreateTable) error {
	switch {
	case p.atWords("time", "index") && p.peekAt(2).isOp("("):
		pos := p.peek().pos
		p.i += 2
		ids, err := p.idents()
		if err != nil {
			return err
		}
		if len(ids) != 1 || s.TimeIndex != nil {
			return p.fail(pos, "expect only one time index column")
		}
		s.TimeIndex = &ids[0]
		return nil
	case p.atWords("primary", "key") && p.peekAt(2).isOp("("):
		pos := p.peek().pos
		p.i += 2
		if s.Key != nil {
			return p.fail(pos, "expect only one primary key constraint")
		}
		p.next()
		if p.acceptOp(")") {
			s.Key = []Ident{}
			return nil
		}
		p.i--
		var err error
		s.Key, err = p.idents()
		return err
	}
	c, err := p.columnDef()
	s.Columns = append(s.Columns, c)
	return err
}

func (p *parser) columnDef() (ColumnDef, error) {
	var c ColumnDef
	var err error
	if c.Name, err = p.ident("a column name"); err != nil {
		return c, err
	}
	if c.Type, err = p.parseType(); err != nil {
		return c, err
	}
	for {
		switch {
		case p.accept("not", "null"):
			c.NotNull = true
		case p.accept("null"):
		case p.accept("default"):
			if c.Default, err = p.parseBinding(powCompare); err != nil {
				return c, err
			}
		case p.accept("time", "index"):
			c.TimeIndex = true
		case p.accept("primary", "key"):
			c.Key = true
		case p.accept("inverted", "index"):
			c.Inverted = true
		case p.accept("fulltext", "index"), p.accept("fulltext"):
			c.Fulltext = true
			if _, err := p.withOptions(); err != nil {
				return c, err
			}
		case p.accept("skipping", "index"):
			c.Skipping = true
			if _, err := p.withOptions(); err != nil {
				return c, err
			}
		case p.accept("comment"):
			t := p.next()
			if t.kind != tokString {
				return c, p.fail(t.pos, "Expected: a string after COMMENT, found: %s", t.src)
			}
			c.Comment = t.text
		default:
			return c, nil
		}
	}
}

// withOptions reads [WITH (name = value, ...)].
func (p *parser) withOptions() ([]Option, error) {
	if !p.atWords("with") || !p.peekAt(1).isOp("(") {
		return nil, nil
	}
	p.i += 2
	if p.acceptOp(")") {
		return nil, nil
	}
	options, err := p.options(true)
	if err != nil {
		return nil, err
	}
	return options, p.expectOp(")")
}

// options reads name = value, ... or only names.
func (p *parser) options(values bool) ([]Option, error) {
	var out []Option
	for {
		t := p.next()
		if t.kind != tokString && t.kind != tokIdent && t.kind != tokQuoted {
			return nil, p.fail(t.pos, "Expected: an option's name, found: %s", t.src)
		}
		o := Option{Name: t.text}
		for t.kind == tokIdent && p.acceptOp(".") { // compaction.type
			part := p.next()
			if part.kind != tokIdent {
				return nil, p.fail(part.pos, "Expected: an option's name, found: %s", part.src)
			}
			o.Name += "." + part.text
		}
		if values {
			if err := p.expectOp("="); err != nil {
				return nil, err
			}
			sign := ""
			if p.acceptOp("-") {
				sign = "-"
			}
			v := p.next()
			if v.kind != tokString && v.kind != tokNumber && v.kind != tokIdent && v.kind != tokQuoted {
				return nil, p.fail(v.pos, "Expected: a value, found: %s", v.src)
			}
			o.Value = sign + v.text
		}
		out = append(out, o)
		if !p.acceptOp(",") || p.peek().isOp(")") { // a trailing comma
			return out, nil
		}
	}
}

func (p *parser) parseDrop() (Statement, error) {
	d := &Drop{at: at(p.next().pos)}
	switch {
	case p.accept("table"):
	case p.accept("database"), p.accept("schema"):
		d.Database = true
	case p.atWords("view"), p.atWords("flow"), p.atWords("trigger"), p.atWords("user"):
		return nil, p.refuse(int(d.at), "Unsupported statement: DROP "+strings.ToUpper(p.peek().text))
	default:
		return nil, p.expected("TABLE or DATABASE")
	}
	d.IfExists = p.accept("if", "exists")
	for {
		name, err := p.objectName("a name")
		if err != nil {
			return nil, err
		}
		d.Names = append(d.Names, name)
		if d.Database || !p.acceptOp(",") {
			return d, nil
		}
	}
}

func (p *parser) parseAlter() (Statement, error) {
	start := at(p.next().pos)
	switch {
	case p.accept("database"), p.accept("schema"):
		s := &AlterDatabase{at: start}
		var err error
		if s.Name, err = p.objectName("a database name"); err != nil {
			return nil, err
		}
		switch {
		case p.accept("set"):
		case p.accept("unset"):
			s.Unset = true
		default:
			return nil, p.expected("SET or UNSET")
		}
		s.Set, err = p.options(!s.Unset)
		return s, err
	case p.accept("table"):
		s := &AlterTable{at: start}
		var err error
		if s.Name, err = p.objectName("a table name"); err != nil {
			return nil, err
		}
		for {
			op, err := p.alterOp()
			if err != nil {
				return nil, err
			}
			s.Ops = append(s.Ops, op)
			if op.Kind == "SET" || op.Kind == "UNSET" || !p.acceptOp(",") { // a list of options has commas of its own
				return s, nil
			}
		}
	}
	return nil, p.expected("TABLE or DATABASE")
}

func (p *parser) alterOp() (op AlterOp, err error) {
	switch {
	case p.accept("add"):
		op.Kind = "ADD"
		p.accept("column")
		op.IfNotExists = p.ifNotExists()
		if op.Column, err = p.columnDef(); err != nil {
			return op, err
		}
		switch {
		case p.accept("first"):
			op.First = true
		case p.accept("after"):
			id, err := p.ident("a column name")
			op.After = &id
			return op, err
		}
		return op, nil
	case p.accept("drop"):
		op.Kind = "DROP"
		p.accept("column")
		op.Column.Name, err = p.ident("a column name")
		return op, err
	case p.accept("rename"):
		op.Kind = "RENAME"
		p.accept("to")
		op.To, err = p.ident("a table name")
		return op, err
	case p.accept("set"):
		op.Kind = "SET"
		op.Options, err = p.options(true)
		return op, err
	case p.accept("unset"):
		op.Kind = "UNSET"
		op.Options, err = p.options(false)
		return op, err
	case p.accept("modify"):
		p.accept("column")
		if op.Column.Name, err = p.ident("a column name"); err != nil {
			return op, err
		}
		return op, p.modify(&op)
	}
	return op, p.expected("ADD, DROP, MODIFY, RENAME, SET or UNSET")
}

func (p *parser) modify(op *AlterOp) (err error) {
	index := func() bool {
		for _, w := range []string{"inverted", "fulltext", "skipping"} {
			if p.accept(w, "index") {
				op.Index = strings.ToUpper(w)
				return true
			}
		}
		return false
	}
	switch {
	case p.accept("set", "default"):
		op.Kind = "SET DEFAULT"
		op.Column.Default, err = p.parseBinding(powCompare)
		return err
	case p.accept("drop", "default"):
		op.Kind = "DROP DEFAULT"
	case p.accept("set"):
		op.Kind = "SET INDEX"
		if !index() {
			return p.expected("DEFAULT or an index")
		}
		_, err = p.withOptions()
	case p.accept("unset"):
		op.Kind = "UNSET INDEX"
		if !index() {
			return p.expected("an index")
		}
	default:
		op.Kind = "MODIFY"
		op.Column.Type, err = p.parseType()
	}
	return err
}

func (p *parser) parseInsert() (Statement, error) {
	s := &Insert{at: at(p.next().pos)}
	p.accept("into")
	p.accept("table")
	var err error
	if s.Table, err = p.objectName("a table name"); err != nil {
		return nil, err
	}
	if n := p.peekAt(1); p.peek().isOp("(") && !n.isWord("select") && !n.isWord("with") && !n.isWord("values") {
		if s.Columns, err = p.idents(); err != nil {
			return nil, err
		}
	}
	if !p.accept("values") && !p.accept("value") {
		s.Query, err = p.parseQuery()
		return s, err
	}
	for {
		row, err := p.insertRow()
		if err != nil {
			return nil, err
		}
		s.Rows = append(s.Rows, row)
		if !p.acceptOp(",") {
			return s, nil
		}
	}
}

// insertRow reads one row of VALUES, in which DEFAULT stands for a column's
// default and a text in double quotes for a string.
func (p *parser) insertRow() ([]Expr, error) {
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	var row []Expr
	for {
		t, n := p.peek(), p.peekAt(1)
		switch alone := n.isOp(",") || n.isOp(")"); {
		case alone && t.isWord("default"):
			p.next()
			row = append(row, &DefaultValue{at(t.pos)})
		case alone && t.kind == tokQuoted:
			p.next()
			row = append(row, &Literal{at: at(t.pos), Kind: StringLit, Str: t.text})
		default:
			e, err := p.parseExpr()
			if err != nil {
				return nil, err
			}
			row = append(row, e)
		}
		if !p.acceptOp(",") {
			return row, p.expectOp(")")
		}
	}
}

func (p *parser) parseShowNative() (Statement, error) {
	s := &ShowNative{at: at(p.next().pos)}
	s.Full = p.accept("full")
	var err error
	switch {
	case p.accept("databases"), p.accept("schemas"):
		s.What = "DATABASES"
	case p.accept("tables"):
		s.What = "TABLES"
	case p.accept("table", "status"):
		s.What = "TABLE STATUS"
	case p.accept("views"):
		s.What = "VIEWS"
	case p.accept("flows"):
		s.What = "FLOWS"
	case p.accept("processlist"):
		s.What = "PROCESSLIST"
	case p.accept("charset"), p.accept("character", "set"):
		s.What = "CHARSET"
	case p.accept("collation"):
		s.What = "COLLATION"
	case p.accept("status"):
		s.What = "STATUS"
	case p.accept("search_path"):
		s.What = "SEARCH_PATH"
	case p.accept("columns"), p.accept("fields"):
		s.What = "COLUMNS"
	case p.accept("index"), p.accept("indexes"), p.accept("keys"):
		s.What = "INDEX"
	case p.accept("create", "table"):
		s.What = "CREATE TABLE"
		s.Name, err = p.objectName("a table name")
		if err == nil && p.accept("for") {
			return nil, p.refuse(int(s.at), "Unsupported statement: SHOW CREATE TABLE FOR")
		}
		return s, err
	case p.accept("create", "database"), p.accept("create", "schema"):
		s.What = "CREATE DATABASE"
		s.Name, err = p.objectName("a database name")
		return s, err
	case p.accept("variables"), p.accept("global", "variables"), p.accept("session", "variables"):
		s.What = "VARIABLES"
		if t := p.peek(); t.isIdent() && !t.isWord("like") && !t.isWord("where") {
			s.Name, err = p.objectName("a variable")
			return s, err
		}
	case p.atWords("create", "view"), p.atWords("create", "flow"), p.atWords("triggers"), p.atWords("region"):
		return nil, p.refuse(int(s.at), "Unsupported statement: SHOW "+strings.ToUpper(p.peek().text))
	default:
		return nil, p.expected("DATABASES, TABLES, COLUMNS, INDEX, CREATE TABLE, CREATE DATABASE or VARIABLES")
	}
	if s.What == "COLUMNS" || s.What == "INDEX" {
		if !p.accept("from") && !p.accept("in") {
			return nil, p.expected("FROM or IN")
		}
		if s.Name, err = p.objectName("a table name"); err != nil {
			return nil, err
		}
	}
	if p.accept("from") || p.accept("in") {
		id, err := p.ident("a database name")
		if err != nil {
			return nil, err
		}
		s.From = &id
	}
	switch {
	case p.accept("like"):
		t := p.next()
		if t.kind != tokString {
			return nil, p.fail(t.pos, "Expected: a pattern after LIKE, found: %s", t.src)
		}
		s.Like = t.text
	case p.accept("where"):
		s.Where, err = p.parseExpr()
	}
	return s, err
}

func (p *parser) parseSet() (Statement, error) {
	s := &SetVariable{at: at(p.next().pos)}
	for p.accept("session") || p.accept("global") || p.accept("local") {
	}
	if p.accept("time", "zone") {
		s.Name = Ident{Name: "time_zone"}
		p.acceptOp("=")
	} else {
		name, err := p.objectName("a variable")
		if err != nil {
			return nil, err
		}
		s.Name = name[len(name)-1]
		if !p.acceptOp("=") && !p.accept("to") {
			return nil, p.expected("=")
		}
	}
	var err error
	s.Values, err = p.exprs()
	return s, err
}
