package prometheus

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tarn/edge/api/gate"
)

// family is the metadata of a metric family as a request has it.
type family struct {
	name, help, unit []byte
	kind             uint64
	database         []byte // of a control label, nil for the request's
}

// kinds are the types of metric families by their number.
var kinds = []string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}

// about is the metadata that is kept of a family.
type about struct {
	Type string `json:"type"`
	Unit string `json:"unit"`
	Help string `json:"help"`
}

// maxFamilies and maxHelp bound the metadata of all databases.
const (
	maxFamilies = 20_000
	maxHelp     = 1024
)

// metadata remembers what writers say of metric families. It is not stored:
// Prometheus says it again every minute.
type metadata struct {
	mu       sync.RWMutex
	families map[string]map[string]about // by database and name
	n        int
}

// set keeps the metadata of a family; what is too much is forgotten.
func (m *metadata) set(database string, f family) {
	if len(f.name) == 0 || len(f.name)+len(f.unit) > maxHelp {
		return
	}
	a := about{Type: kinds[0]}
	if f.kind < uint64(len(kinds)) {
		a.Type = kinds[f.kind]
	}
	m.mu.RLock()
	have, ok := m.families[database][string(f.name)]
	m.mu.RUnlock()
	help := strings.ToValidUTF8(string(f.help[:min(len(f.help), maxHelp)]), "")
	if ok && have.Type == a.Type && have.Help == help && have.Unit == string(f.unit) {
		return
	}
	a.Help, a.Unit = help, strings.ToValidUTF8(string(f.unit), "")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.families == nil {
		m.families = map[string]map[string]about{}
	}
	if m.families[database] == nil {
		m.families[database] = map[string]about{}
	}
	if _, ok := m.families[database][string(f.name)]; !ok {
		if m.n >= maxFamilies {
			return
		}
		m.n++
	}
	m.families[database][string(f.name)] = a
}

// list returns the families of a database: all, or the one of a name; at most
// limit unless that is negative.
func (m *metadata) list(database, name string, limit int) map[string][]about {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := map[string][]about{}
	all := m.families[database]
	if name != "" {
		if a, ok := all[name]; ok && limit != 0 {
			out[name] = []about{a}
		}
		return out
	}
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	slices.Sort(names)
	if limit >= 0 && limit < len(names) {
		names = names[:limit]
	}
	for _, n := range names {
		out[n] = []about{all[n]}
	}
	return out
}

// metadata serves /api/v1/metadata.
func (a *API) metadata(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeC, err)
		return
	}
	limit := -1
	if text := p.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil {
			a.Fail(w, r, gate.ShapeC, gate.Bad("limit must be a number: %q", text))
			return
		}
	}
	answer(w, r, a.meta.list(p.database, p.Get("metric"), limit))
}
