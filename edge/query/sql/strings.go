package sql

// String is Node's.
func (n *Explain) String() string { return text(n) }

// String is Node's.
func (n *ShowTables) String() string { return text(n) }

// String is Node's.
func (n *ShowColumns) String() string { return text(n) }

// String is Node's.
func (n *ShowAll) String() string { return text(n) }

// String is Node's.
func (n *Describe) String() string { return text(n) }

// String is Node's.
func (n *Query) String() string { return text(n) }

// String is Node's.
func (n *Select) String() string { return text(n) }

// String is Node's.
func (n *SetOp) String() string { return text(n) }

// String is Node's.
func (n *Values) String() string { return text(n) }

// String is Node's.
func (n *Nested) String() string { return text(n) }

// String is Node's.
func (n *TableName) String() string { return text(n) }

// String is Node's.
func (n *TableFunc) String() string { return text(n) }

// String is Node's.
func (n *Derived) String() string { return text(n) }

// String is Node's.
func (n *Join) String() string { return text(n) }

// String is Node's.
func (n *Literal) String() string { return text(n) }

// String is Node's.
func (n *ColumnRef) String() string { return text(n) }

// String is Node's.
func (n *Param) String() string { return text(n) }

// String is Node's.
func (n *Unary) String() string { return text(n) }

// String is Node's.
func (n *Binary) String() string { return text(n) }

// String is Node's.
func (n *Is) String() string { return text(n) }

// String is Node's.
func (n *IsDistinct) String() string { return text(n) }

// String is Node's.
func (n *Between) String() string { return text(n) }

// String is Node's.
func (n *In) String() string         { return text(n) }
func (n *Quantified) String() string { return text(n) }

// String is Node's.
func (n *Like) String() string { return text(n) }

// String is Node's.
func (n *Exists) String() string { return text(n) }

// String is Node's.
func (n *Subquery) String() string { return text(n) }

// String is Node's.
func (n *Case) String() string { return text(n) }

// String is Node's.
func (n *Cast) String() string { return text(n) }

// String is Node's.
func (n *Call) String() string { return text(n) }

// String is Node's.
func (n *Array) String() string { return text(n) }

// String is Node's.
func (n *Tuple) String() string { return text(n) }

// String is Node's.
func (n *Index) String() string { return text(n) }

// String is Node's.
func (n *Field) String() string { return text(n) }

// String is Node's.
func (n *AtTimeZone) String() string { return text(n) }

// String is Node's.
func (n *CreateDatabase) String() string { return text(n) }

// String is Node's.
func (n *CreateTable) String() string { return text(n) }

// String is Node's.
func (n *Drop) String() string { return text(n) }

// String is Node's.
func (n *Truncate) String() string { return text(n) }

// String is Node's.
func (n *AlterDatabase) String() string { return text(n) }

// String is Node's.
func (n *AlterTable) String() string { return text(n) }

// String is Node's.
func (n *Insert) String() string { return text(n) }

// String is Node's.
func (n *Delete) String() string { return text(n) }

// String is Node's.
func (n *ShowNative) String() string { return text(n) }

// String is Node's.
func (n *Use) String() string { return text(n) }

// String is Node's.
func (n *SetVariable) String() string { return text(n) }

// String is Node's.
func (n *Admin) String() string { return text(n) }

// String is Node's.
func (n *TQL) String() string { return text(n) }

// String is Node's.
func (n *RangeAgg) String() string { return text(n) }

// String is Node's.
func (n *DefaultValue) String() string { return text(n) }
