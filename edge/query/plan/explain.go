package plan

import (
	"fmt"
	"strings"

	"tarn/edge/query/text"
	"tarn/store"
	"tarn/store/merge"
)

// Format prints a plan, one operator a line, inputs indented below. note, when
// not nil, adds what happened when it ran.
func Format(n Node, note func(Node) string) string {
	var b strings.Builder
	format(&b, n, 0, note)
	return strings.TrimSuffix(b.String(), "\n")
}

func format(b *strings.Builder, n Node, depth int, note func(Node) string) {
	b.WriteString(strings.Repeat("  ", depth))
	b.WriteString(describe(n))
	if note != nil {
		if s := note(n); s != "" {
			b.WriteString(" [" + s + "]")
		}
	}
	b.WriteByte('\n')
	for _, in := range n.Inputs() {
		format(b, in, depth+1, note)
	}
}

// describe is one operator's line.
func describe(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return n.describe()
	case *SystemScan:
		return n.describe()
	case *Filter:
		return "Filter: " + n.Cond.String()
	case *Project:
		return "Project: " + strings.Join(texts(n.Exprs), ", ")
	case *Aggregate:
		var aggs []string
		for _, c := range n.Output[len(n.Keys):] {
			aggs = append(aggs, c.Name)
		}
		return fmt.Sprintf("Aggregate: keys=[%s] aggregates=[%s]", strings.Join(texts(n.Keys), ", "), strings.Join(aggs, ", "))
	case *Sort:
		if n.Top >= 0 {
			return fmt.Sprintf("TopN: %d by %s", n.Top, keysText(n.Keys))
		}
		return "Sort: " + keysText(n.Keys)
	case *Limit:
		if n.Count < 0 {
			return fmt.Sprintf("Limit: skip=%d", n.Offset)
		}
		return fmt.Sprintf("Limit: skip=%d fetch=%d", n.Offset, n.Count)
	case *Distinct:
		if n.On != nil {
			return "DistinctOn: " + strings.Join(texts(n.On), ", ")
		}
		return "Distinct"
	case *Join:
		return n.describe()
	case *Window:
		return n.describe()
	case *Apply:
		return n.describe()
	case *GapFill:
		return n.describe()
	case *Expand:
		return n.describe()
	case *Unnest:
		return n.describe()
	case *Recursive:
		return "Recursive"
	case *WorkScan:
		return "WorkScan"
	case *Single:
		return "Single"
	case *SeriesLimit:
		return n.describe()
	case *TopPerSeries:
		return n.describe()
	case *TimeOrdered:
		return strings.Replace(describe(&Sort{Input: n.Input, Keys: n.Keys, Top: -1}), "Sort", "TimeOrdered", 1)
	case *Explode:
		return "Explode: " + n.Input.Columns()[n.List].Name
	case *WindowFill:
		return "WindowFill"
	case *Slide:
		return fmt.Sprintf("Slide: align=%s range=%s", shortDuration(n.Step), shortDuration(n.Length))
	case *Transform:
		return n.describe()
	case *Union:
		return "Union"
	case *Values:
		return fmt.Sprintf("Values: %d rows", len(n.Rows))
	}
	return fmt.Sprintf("%T", n)
}

func (s *Scan) describe() string {
	var cols []string
	for _, id := range s.IDs {
		cols = append(cols, s.Table.Columns[id].Name)
	}
	out := fmt.Sprintf("Scan: %s columns=[%s]", s.Table.Name, strings.Join(cols, ", "))
	if s.MinTime != store.MinTime {
		out += " from=" + text.FormatTimestamp(s.MinTime)
	}
	if s.MaxTime != store.MaxTime {
		out += " to=" + text.FormatTimestamp(s.MaxTime)
	}
	if s.Tags != nil {
		out += " tags=[" + s.Tags.String() + "]"
	}
	switch s.Edge {
	case merge.Newest:
		out += " newest-of-each-series"
	case merge.Oldest:
		out += " oldest-of-each-series"
	}
	switch s.Order {
	case store.NewestFirst:
		out += " order=newest-first"
	case store.OldestFirst:
		out += " order=oldest-first"
	}
	return out
}
