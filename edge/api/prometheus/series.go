package prometheus

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/julienschmidt/httprouter"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"tarn/edge/api/gate"
	"tarn/edge/query/promql"
)

const (
	platform  = runtime.GOOS + "-" + runtime.GOARCH
	truncated = "results truncated due to limit"
)

var goVersion = runtime.Version()

// lookUp runs fn on the database that a request names, and answers with the
// list that it returns, cut to the limit.
func lookUp[T any](a *API, w http.ResponseWriter, r *http.Request, what string, fn func(context.Context, promql.Queryable, params, search) ([]T, error)) {
	p, err := a.params(r)
	var s search
	if err == nil {
		s, err = p.search()
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer cancel()
	var list []T
	err = a.Query.PromData(ctx, p.database, p.describe(what), 0, func(ctx context.Context, q promql.Queryable) (err error) {
		list, err = fn(ctx, q, p, s)
		return err
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var warnings []string
	if s.limit > 0 && len(list) > s.limit {
		list, warnings = list[:s.limit], []string{truncated}
	}
	if list == nil {
		list = []T{}
	}
	warn(w, r, list, warnings)
}

// search is what the metadata endpoints look for.
type search struct {
	sets     [][]*labels.Matcher
	from, to int64 // ms
	limit    int
}

func (p params) search() (s search, err error) {
	if s.sets, err = p.matchers(); err != nil {
		return s, err
	}
	if s.from, s.to, err = p.span(); err != nil {
		return s, err
	}
	s.limit, err = p.limit()
	return s, err
}

// series serves /api/v1/series.
func (a *API) series(w http.ResponseWriter, r *http.Request) {
	lookUp(a, w, r, "series", func(ctx context.Context, q promql.Queryable, _ params, s search) ([]labels.Labels, error) {
		if len(s.sets) == 0 {
			return nil, errNoMatch
		}
		return q.Series(ctx, s.sets, s.from, s.to)
	})
}

var errNoMatch = gate.Bad("match[] parameter is required")

// labels serves /api/v1/labels.
func (a *API) labels(w http.ResponseWriter, r *http.Request) {
	lookUp(a, w, r, "labels", func(ctx context.Context, q promql.Queryable, _ params, s search) ([]string, error) {
		return q.LabelNames(ctx, s.sets, s.from, s.to)
	})
}

// labelValues serves /api/v1/label/:name/values.
func (a *API) labelValues(w http.ResponseWriter, r *http.Request) {
	name := httprouter.ParamsFromContext(r.Context()).ByName("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if name == "" || !utf8.ValidString(name) {
		a.fail(w, r, gate.Bad("invalid label name: %q", name))
		return
	}
	lookUp(a, w, r, "label "+name, func(ctx context.Context, q promql.Queryable, p params, s search) ([]string, error) {
		if promql.ChoosesDatabase(name) {
			return a.databases(s.sets), nil
		}
		return q.LabelValues(ctx, name, s.sets, s.from, s.to)
	})
}

// databases lists the databases, or with selectors those that have a table
// that one of them names.
func (a *API) databases(sets [][]*labels.Matcher) []string {
	var out []string
	for _, d := range a.Store.ListDatabases(false) {
		db, ok := a.Store.Database(d.Name)
		if !ok {
			continue
		}
		named := func(ms []*labels.Matcher) bool {
			return slices.ContainsFunc(db.Tables(), func(table string) bool {
				for _, m := range ms {
					if m.Name == promql.NameLabel && !m.Matches(table) {
						return false
					}
				}
				return true
			})
		}
		if len(sets) == 0 || slices.ContainsFunc(sets, named) {
			out = append(out, d.Name)
		}
	}
	if len(sets) == 0 && !slices.Contains(out, gate.Public) {
		out = append(out, gate.Public)
	}
	slices.Sort(out)
	return out
}
