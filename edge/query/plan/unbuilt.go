package plan

// unbuilt are functions of spec/sql.md section 9 that this engine does not
// have: a query that calls one is told so, and not that there is no such
// function.
var unbuilt = map[string]string{
	"current_time": "the type TIME of %s",
}
