package query

import (
	"strconv"

	"tarn/edge/query/exec"
	"tarn/edge/query/plan"
)

// settings are what SHOW ALL and information_schema.df_settings list: what
// decides how this engine runs a query, under names of its own. 0 means no
// limit.
func (e *Engine) settings() []plan.Setting {
	return []plan.Setting{
		{Name: "tarn.execution.batch_size", Value: strconv.Itoa(exec.BatchRows)},
		{Name: "tarn.execution.time_zone", Value: "UTC"},
		{Name: "tarn.query.concurrency", Value: strconv.Itoa(e.opts.MaxConcurrent)},
		{Name: "tarn.query.memory_limit", Value: strconv.FormatInt(e.opts.MemoryLimit, 10)},
		{Name: "tarn.query.timeout", Value: e.opts.Timeout.String()},
	}
}
