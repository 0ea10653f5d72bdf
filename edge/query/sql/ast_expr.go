package sql

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// LiteralKind says which value of a Literal counts.
type LiteralKind uint8

// The kinds of literals.
const (
	NullLit LiteralKind = iota
	BoolLit
	IntLit
	UintLit
	FloatLit
	StringLit
	IntervalLit
)

// Interval is a calendar span with three independent parts.
type Interval struct {
	Months, Days int32
	Nanos        int64
}

// Literal is a constant.
type Literal struct {
	at
	Kind     LiteralKind
	Bool     bool
	Int      int64
	Uint     uint64
	Float    float64
	Str      string // StringLit, and the text of IntervalLit
	Interval Interval
}

// ColumnRef names a column, perhaps of a table.
type ColumnRef struct {
	at
	Qualifier ObjectName
	Name      Ident
}

// Param is a placeholder $name.
type Param struct {
	at
	Name string
}

// Unary is "-", "+" or "NOT".
type Unary struct {
	at
	Op string
	X  Expr
}

// Binary is an operator between two expressions: arithmetic, comparison,
// logic, "||", bits, "~", "~*", "!~", "!~*", "AND", "OR", "XOR".
type Binary struct {
	at
	Op   string
	L, R Expr
}

// Is is X IS [NOT] NULL, TRUE, FALSE or UNKNOWN.
type Is struct {
	at
	X    Expr
	Not  bool
	What string
}

// IsDistinct is L IS [NOT] DISTINCT FROM R.
type IsDistinct struct {
	at
	L, R Expr
	Not  bool
}

// Between is X [NOT] BETWEEN Lo AND Hi.
type Between struct {
	at
	X, Lo, Hi Expr
	Not       bool
}

// In is X [NOT] IN a list or a query.
type In struct {
	at
	X     Expr
	List  []Expr
	Query *Query
	Not   bool
	// Row is set when X is a row and there is a Query.
	Row *RowMembership
}

// Quantified is X Op ANY or ALL (a list that is computed).
type Quantified struct {
	at
	X    Expr
	Op   string
	All  bool
	List Expr
}

// Like is X [NOT] LIKE, ILIKE or SIMILAR TO a pattern.
type Like struct {
	at
	X, Pattern Expr
	Escape     string // one character, or empty
	Op         string // LIKE, ILIKE, SIMILAR TO
	Not        bool
}

// Exists is [NOT] EXISTS (query); NOT is a Unary around it.
type Exists struct {
	at
	Query *Query
}

// Subquery is a query as a scalar.
type Subquery struct {
	at
	Query *Query
}

// When is one branch of a Case.
type When struct{ Cond, Then Expr }

// Case is CASE [Operand] WHEN ... END.
type Case struct {
	at
	Operand Expr
	Whens   []When
	Else    Expr
}

// TypeName is a type as written, upper case, single blanks, without its
// arguments.
type TypeName struct {
	Name string
	Args []int64
}

// Cast is CAST, TRY_CAST, x::type, or a typed literal such as DATE '...'.
type Cast struct {
	at
	X    Expr
	Type TypeName
	Try  bool
}

// Call is a function call. EXTRACT, POSITION, SUBSTRING, TRIM and OVERLAY in
// their long forms are calls of date_part, strpos, substr, btrim (ltrim,
// rtrim) and overlay.
type Call struct {
	at
	Name     Ident
	Args     []Expr
	Star     bool
	Distinct bool
	OrderBy  []SortItem
	Within   []SortItem // WITHIN GROUP
	Filter   Expr
	// IgnoreNulls is nil when not said.
	IgnoreNulls *bool
	Over        *WindowSpec
}

// WindowSpec is what OVER says: a name, or a specification.
type WindowSpec struct {
	At          int
	Name        *Ident
	PartitionBy []Expr
	OrderBy     []SortItem
	Frame       *Frame
}

// Frame is a window frame.
type Frame struct {
	Unit  string // ROWS, RANGE, GROUPS
	Start Bound
	End   *Bound
}

// Bound is one end of a frame.
type Bound struct {
	// Kind is UNBOUNDED PRECEDING, PRECEDING, CURRENT ROW, FOLLOWING or
	// UNBOUNDED FOLLOWING.
	Kind   string
	Offset Expr
}

// Array is ARRAY[...] or [...].
type Array struct {
	at
	Elems []Expr
}

// Tuple is (a, b, ...).
type Tuple struct {
	at
	Elems []Expr
}

// Index is X[I].
type Index struct {
	at
	X, I Expr
}

// Field is X.Name of a struct.
type Field struct {
	at
	X    Expr
	Name Ident
}

// AtTimeZone is X AT TIME ZONE Zone.
type AtTimeZone struct {
	at
	X, Zone Expr
}

func (*Literal) expr()    {}
func (*ColumnRef) expr()  {}
func (*Param) expr()      {}
func (*Unary) expr()      {}
func (*Binary) expr()     {}
func (*Is) expr()         {}
func (*IsDistinct) expr() {}
func (*Between) expr()    {}
func (*In) expr()         {}
func (*Quantified) expr() {}
func (*Like) expr()       {}
func (*Exists) expr()     {}
func (*Subquery) expr()   {}
func (*Case) expr()       {}
func (*Cast) expr()       {}
func (*Call) expr()       {}
func (*Array) expr()      {}
func (*Tuple) expr()      {}
func (*Index) expr()      {}
func (*Field) expr()      {}
func (*AtTimeZone) expr() {}
