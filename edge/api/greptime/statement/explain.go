package statement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// The forms of EXPLAIN beside text (spec/greptimedb-http-api.md section 2.2) are
// made of the text: a line is a node, deeper ones are below it, and what was
// measured of it is in brackets at its end.

// planNode is a line of a plan and those below it.
type planNode struct {
	Name     string            `json:"name"`
	Param    string            `json:"param"`
	Metrics  map[string]string `json:"metrics,omitempty"`
	Children []*planNode       `json:"children"`
}

// explain answers with plans, or after a run with stages and nodes, of which there
// is one.
func (r *Runner) explain(ctx context.Context, sess *Session, s *sql.Explain) (_ *Output, err error) {
	plain, form, err := explainForm(s)
	if err != nil {
		return nil, err
	}
	o, err := r.query(ctx, sess, plain)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	rows := texts("plan_type", "plan")
	if s.Analyze {
		rows = newRows("stage", column.Int64, "node", column.Int64, "plan", column.String)
	}
	var b column.Batch
	for {
		err := o.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return rows.output(), nil
		}
		for i := 0; err == nil && i < b.Len; i++ {
			plan := b.Cols[1].Text(i)
			if form != nil {
				plan, err = form(plan)
			}
			if s.Analyze {
				rows.add(int64(0), int64(0), plan)
			} else {
				rows.add(b.Cols[0].Text(i), plan)
			}
		}
		if err != nil {
			return nil, Explain(err)
		}
	}
}

// explainForm takes the form out of a statement, which is left with the one that
// the engine knows.
func explainForm(e *sql.Explain) (plain *sql.Explain, form func(text string) (string, error), err error) {
	plain = &sql.Explain{Analyze: e.Analyze, Verbose: e.Verbose, Query: e.Query}
	switch e.Format {
	case "", "text", "indent", "tree":
		return plain, nil, nil
	case "json", "pgjson":
		return plain, planJSON, nil
	case "graphviz":
		return plain, planGraph, nil
	}
	return nil, nil, gate.Errorf(gate.InvalidSyntax, "Invalid SQL syntax: unknown format of EXPLAIN: %s; there are TEXT, JSON and GRAPHVIZ", e.Format)
}

// planTree reads a plan of lines.
func planTree(text string) []*planNode {
	root := &planNode{}
	path := []*planNode{root} // by depth
	for line := range strings.SplitSeq(text, "\n") {
		body := strings.TrimLeft(line, " ")
		if body == "" {
			continue
		}
		depth := min((len(line)-len(body))/2+1, len(path))
		n := &planNode{Children: []*planNode{}}
		if head, metrics, ok := strings.Cut(body, " [output_rows="); ok {
			body = head
			measured(n, "output_rows="+strings.TrimSuffix(metrics, "]"))
		}
		n.Name, n.Param, _ = strings.Cut(body, ": ")
		path = append(path[:depth], n)
		path[depth-1].Children = append(path[depth-1].Children, n)
	}
	return root.Children
}

// measured notes name=value pairs.
func measured(n *planNode, pairs string) {
	if n.Metrics == nil {
		n.Metrics = map[string]string{}
	}
	for pair := range strings.SplitSeq(pairs, " ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			n.Metrics[name] = value
		}
	}
}

func planJSON(text string) (string, error) {
	nodes := planTree(text)
	if last := len(nodes) - 1; last > 0 && nodes[last].Name == "Total" {
		measured(nodes[0], nodes[last].Param)
		nodes = nodes[:last]
	}
	var v any = nodes
	if len(nodes) == 1 {
		v = nodes[0]
	}
	return jsonText(v)
}

// jsonText is JSON as people read it.
func jsonText(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func planGraph(text string) (string, error) {
	var b strings.Builder
	b.WriteString("digraph {\n")
	id := 0
	var add func(n *planNode) int
	add = func(n *planNode) int {
		id++
		own := id
		label := n.Name
		if n.Param != "" {
			label += "\n" + n.Param
		}
		text, err := jsonText(label)
		if err != nil {
			panic(fmt.Sprintf("BUG: a label: %v", err))
		}
		fmt.Fprintf(&b, "  %d [shape=box label=%s];\n", own, text)
		for _, c := range n.Children {
			fmt.Fprintf(&b, "  %d -> %d [arrowhead=none, arrowtail=normal, dir=back];\n", own, add(c))
		}
		return own
	}
	for _, n := range planTree(text) {
		add(n)
	}
	b.WriteString("}")
	return b.String(), nil
}
