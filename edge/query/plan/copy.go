package plan

import (
	"slices"

	"tarn/edge/query/expr"
)

// maxCopied bounds the expressions of a plan that Copy takes: it is for plans that
// are kept.
const maxCopied = 256

// Copy returns a bound plan again, for Optimize to rewrite, and the scans in it.
// Expressions, which never change, are shared. It is not ok for a plan with other
// nodes than those of plain queries, or with very many expressions; c is of no
// use then.
func Copy(n Node) (c Node, scans []*Scan, ok bool) {
	k := copier{}
	c = k.node(n)
	return c, k.scans, !k.failed
}

// copier copies one plan.
type copier struct {
	scans  []*Scan
	exprs  int
	failed bool
}

func (k *copier) node(n Node) Node {
	switch n := n.(type) {
	case *Scan:
		c := *n
		// What Optimize appends must not be seen by another copy.
		c.TagIDs, c.TagValues, c.Bounds, c.Texts = slices.Clip(c.TagIDs), slices.Clip(c.TagValues), slices.Clip(c.Bounds), slices.Clip(c.Texts)
		c.output = nil
		k.scans = append(k.scans, &c)
		return &c
	case *Filter:
		return &Filter{k.node(n.Input), n.Cond}
	case *Project:
		return &Project{k.node(n.Input), k.list(n.Exprs), n.Output}
	case *Aggregate:
		c := *n
		c.Input, c.Keys, c.Aggs = k.node(n.Input), k.list(n.Keys), slices.Clone(n.Aggs)
		for i := range c.Aggs {
			c.Aggs[i].Args = k.list(c.Aggs[i].Args)
		}
		k.failed = k.failed || c.Stream != nil // into the plan that is copied
		return &c
	case *Sort:
		c := *n
		c.Input, c.Keys = k.node(n.Input), slices.Clone(n.Keys)
		k.failed = k.failed || c.TimeScan != nil
		return &c
	case *Limit:
		return &Limit{k.node(n.Input), n.Offset, n.Count}
	case *Distinct:
		return &Distinct{k.node(n.Input), k.list(n.On)}
	case *Union:
		c := &Union{make([]Node, len(n.Branches)), n.Output}
		for i, b := range n.Branches {
			c.Branches[i] = k.node(b)
		}
		return c
	}
	k.failed = true
	return n
}

func (k *copier) list(es []expr.Expr) []expr.Expr {
	k.exprs += len(es)
	k.failed = k.failed || k.exprs > maxCopied
	return slices.Clone(es)
}
