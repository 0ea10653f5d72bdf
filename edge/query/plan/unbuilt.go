package plan

import "strings"

// unbuilt are the functions of spec/sql.md section 9 that this engine does not
// have: a query that calls one is told so, and not that there is no such
// function.
var unbuilt = func() map[string]string {
	kinds := map[string]string{
		"aggregate function %s":              "grouping",
		"window function %s":                 "row_number rank dense_rank percent_rank cume_dist ntile lag lead difference non_negative_difference derivative non_negative_derivative",
		"table function %s in an expression": "unnest",
		"the type TIME of %s":                "current_time",
	}
	m := map[string]string{}
	for format, names := range kinds {
		for _, n := range strings.Fields(names) {
			m[n] = format
		}
	}
	return m
}()
