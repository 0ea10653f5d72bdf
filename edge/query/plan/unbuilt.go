package plan

import "strings"

// unbuilt are the functions of spec/sql.md section 9 that this engine does not
// have: a query that calls one is told so, and not that there is no such
// function.
var unbuilt = func() map[string]string {
	kinds := map[string]string{
		"aggregate function %s": "approx_distinct approx_median approx_percentile_cont approx_percentile_cont_with_weight bit_and bit_or bit_xor corr covar covar_samp covar_pop " +
			"grouping nth_value regr_slope regr_intercept regr_r2 regr_count regr_avgx regr_avgy regr_sxx regr_syy regr_sxy",
		"table function %s in an expression": "unnest",
	}
	m := map[string]string{}
	for format, names := range kinds {
		for _, n := range strings.Fields(names) {
			m[n] = format
		}
	}
	return m
}()
