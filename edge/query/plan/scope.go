package plan

import (
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
)

// scope is the columns that names can refer to.
type scope struct {
	columns []Column
	// agg, when not nil, makes this the scope of a select list after grouping:
	// columns are those of the input, and what is bound refers to the output
	// of the aggregation.
	agg *aggregation
	// windows collects window calls where they are allowed.
	windows *windows
	// unnests collects unnest calls where they are allowed.
	unnests *unnests
	// gap says that rows are grouped with gap filling: its bins can be named.
	gap bool
	// subqueries collects subqueries where they are allowed.
	subqueries *subqueries
}

// match says whether a reference means a column.
func match(ref *sql.ColumnRef, c Column) bool {
	if name := ref.Name.Name; name != c.Name && (name != c.Also || name == "") {
		return false
	}
	n := len(ref.Qualifier)
	return n == 0 && !c.Hidden || n > 0 && ref.Qualifier[n-1].Name == c.Qualifier
}

// find returns the position of the column that ref means: one of that name, or
// else one that is also called so.
func (s *scope) find(ref *sql.ColumnRef) (int, error) {
	var named, also []int
	for i, c := range s.columns {
		switch {
		case !match(ref, c):
		case c.Name == ref.Name.Name:
			named = append(named, i)
		default:
			also = append(also, i)
		}
	}
	if len(named) == 0 {
		named = also
	}
	switch len(named) {
	case 0:
		return 0, s.unknown(ref)
	case 1:
		return named[0], nil
	}
	return 0, schemaErrorf("Ambiguous reference to unqualified field %s", ref.Name.Name)
}

func (s *scope) column(i int) expr.Expr {
	c := s.columns[i]
	return expr.NewColumn(i, c.full(), c.Type)
}

// full is the canonical name of a column in computed names.
func (c Column) full() string {
	if c.Qualifier == "" {
		return c.Name
	}
	return c.Qualifier + "." + c.Name
}

// shown is a column as an error text shows it: quoted when it must be.
func (c Column) shown() string {
	if c.Qualifier == "" {
		return quoteIfNeeded(c.Name)
	}
	return quoteIfNeeded(c.Qualifier) + "." + quoteIfNeeded(c.Name)
}

func quoteIfNeeded(name string) string {
	plain := name != "" && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z')
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// unknown is the error of a name that is not in scope, with the nearest one or
// all that there are (spec/sql.md section 14).
func (s *scope) unknown(ref *sql.ColumnRef) error {
	name := quoteIfNeeded(ref.Name.Name)
	if n := len(ref.Qualifier); n > 0 {
		name = quoteIfNeeded(ref.Qualifier[n-1].Name) + "." + name
	}
	best, least := "", 0
	wanted := strings.ToLower(ref.Name.Name)
	for _, c := range s.columns {
		// Near means that at least half of the longer name agrees.
		d := distance(wanted, strings.ToLower(c.Name))
		if 2*d <= max(len(wanted), len(c.Name)) && (best == "" || d < least) {
			best, least = c.shown(), d
		}
	}
	if best != "" {
		return schemaErrorf("No field named %s. Did you mean '%s'?.", name, best)
	}
	if len(s.columns) == 0 {
		return schemaErrorf("No field named %s.", name)
	}
	valid := make([]string, len(s.columns))
	for i, c := range s.columns {
		valid[i] = c.shown()
	}
	return schemaErrorf("No field named %s. Valid fields are %s.", name, strings.Join(valid, ", "))
}

// distance is the edit distance of two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(prev+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
