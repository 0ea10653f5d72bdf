package query

import (
	"hash/maphash"
	"sync"

	"tarn/edge/query/plan"
	"tarn/store/schema"
)

const (
	// maxPrepared is how many statements are kept, each of at most
	// maxPreparedText bytes.
	maxPrepared     = 64
	maxPreparedText = 4 << 10
	// rememberedTexts is of how many texts it is known that they came before.
	rememberedTexts = 256
)

// prepared keeps what statements were bound to that come again and again, as those
// of dashboards and alerts do: on a small machine it takes longer to plan such a
// query than to read its rows. now() is not part of it. It is safe for concurrent
// use.
type prepared struct {
	seed maphash.Seed

	mu    sync.Mutex
	seen  [rememberedTexts]uint64 // hashes of texts, each in its own place
	plans map[statementKey]preparedPlan
}

// statementKey says what text means.
type statementKey struct{ database, text string }

// preparedPlan holds as long as its tables stay what they were.
type preparedPlan struct {
	plan   plan.Node
	tables []*schema.Table
}

func newPrepared() *prepared {
	return &prepared{seed: maphash.MakeSeed(), plans: map[statementKey]preparedPlan{}}
}

// find returns the plan of a statement, nil when it must be bound.
func (p *prepared) find(db plan.Database, text string) plan.Node {
	if len(text) > maxPreparedText {
		return nil
	}
	key := statementKey{db.Name(), text}
	p.mu.Lock()
	kept, ok := p.plans[key]
	p.mu.Unlock()
	if !ok {
		return nil
	}
	for _, t := range kept.tables {
		if now, ok := db.Table(t.Name); !ok || now != t {
			p.mu.Lock()
			delete(p.plans, key)
			p.mu.Unlock()
			return nil
		}
	}
	n, _, _ := plan.Copy(kept.plan)
	return n
}

// keep notes that a statement was bound, and keeps the plan when it is not the
// first time.
func (p *prepared) keep(db plan.Database, text string, n plan.Node) {
	if len(text) > maxPreparedText {
		return
	}
	hash := maphash.String(p.seed, text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := hash % rememberedTexts; p.seen[at] != hash {
		p.seen[at] = hash
		return
	}
	c, scans, ok := plan.Copy(n)
	if !ok {
		return
	}
	kept := preparedPlan{plan: c}
	for _, s := range scans {
		kept.tables = append(kept.tables, s.Table)
	}
	for key := range p.plans {
		if len(p.plans) < maxPrepared {
			break
		}
		delete(p.plans, key) // any: those that are in use come back
	}
	p.plans[statementKey{db.Name(), text}] = kept
}
