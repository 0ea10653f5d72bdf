package expr

import (
	"sort"
	"strings"

	"tarn/store/column"
)

// Call is a function of its arguments.
type Call struct {
	// Name is the function's name in lower case.
	Name string
	Args []Expr

	t        column.Type
	run      kernel
	volatile bool
	bytes    bool // the values are hex text of bytes
	o        origin
}

// newNode returns a call of a deterministic function that evaluates all its
// arguments. Kernels take everything that varies from the arguments at run
// time, so that WithChildren need not bind again.
func newNode(name string, args []Expr, t column.Type, run kernel) *Call {
	return &Call{Name: name, Args: args, t: t, run: run, o: originOfAll(args)}
}

// newVolatile is newNode for a function whose value changes from row to row.
func newVolatile(name string, args []Expr, t column.Type, run kernel) *Call {
	c := newNode(name, args, t, run)
	c.volatile, c.o.volatile = true, true
	return c
}

// Type is the type of the result.
func (e *Call) Type() column.Type { return e.t }

// Children are the arguments.
func (e *Call) Children() []Expr { return e.Args }

// WithChildren is the same function of other arguments.
func (e *Call) WithChildren(c []Expr) Expr {
	n := newNode(e.Name, c, e.t, e.run)
	n.volatile, n.o.volatile, n.bytes = e.volatile, e.volatile || n.o.volatile, e.bytes
	return n
}

// String is the name with the arguments in parentheses, no blanks between.
func (e *Call) String() string {
	var b strings.Builder
	b.WriteString(e.Name + "(")
	for i, a := range e.Args {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
	return b.String() + ")"
}

func (e *Call) origin() origin { return e.o }

// Eval computes the function.
func (e *Call) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Call) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	args, err := ctx.operandsOf(e.Args, b)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, args, b.Len)
}

// function is an entry of the catalogue: how a call by name becomes an
// expression.
type function struct {
	min, max int // number of arguments; max -1 is without limit
	bind     func(name string, args []Expr) (Expr, error)
}

// NewCall returns the call of a scalar function by its lower-case name. It
// checks number and types of the arguments and inserts implicit conversions.
func NewCall(name string, args []Expr) (Expr, error) {
	f, ok := catalogue()[name]
	if !ok {
		return nil, UnknownFunction(name, Functions())
	}
	if len(args) < f.min || f.max >= 0 && len(args) > f.max {
		return nil, signatureError(name, args)
	}
	return f.bind(name, args)
}

// IsFunction says whether there is a scalar function of that lower-case name.
func IsFunction(name string) bool {
	_, ok := catalogue()[name]
	return ok
}

// Functions returns the names of all scalar functions in order, without those of
// GreptimeDB's dialect alone.
func Functions() []string {
	c := catalogue()
	names := make([]string, 0, len(c))
	for n := range c {
		if !strings.HasPrefix(n, Native) {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// UnknownFunction is the error for a function that does not exist; it names
// the candidate with the most similar name.
func UnknownFunction(name string, candidates []string) error {
	best, bestDistance := "", 1<<30
	for _, c := range candidates {
		if d := editDistance(name, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return planError("Invalid function '%s'.\nDid you mean '%s'?", name, best)
}

// signatureError says that no form of the function takes the arguments.
func signatureError(name string, args []Expr) error {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.Type().String()
	}
	return planError("No function matches the given name and argument types '%s(%s)'. You might need to add explicit type casts.\n\tCandidate functions:\n\t%s",
		name, strings.Join(types, ", "), signature(name))
}

// signature describes how many arguments a function takes.
func signature(name string) string {
	f := catalogue()[name]
	switch {
	case f.max < 0:
		return name + "(Any, ..)"
	case f.min == f.max:
		return name + "(" + strings.TrimSuffix(strings.Repeat("Any, ", f.max), ", ") + ")"
	}
	forms := make([]string, 0, f.max-f.min+1)
	for n := f.min; n <= f.max; n++ {
		forms = append(forms, name+"("+strings.TrimSuffix(strings.Repeat("Any, ", n), ", ")+")")
	}
	return strings.Join(forms, "\n\t")
}

// editDistance is the number of insertions, deletions and substitutions of
// characters that turn a into b.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
