package prometheus

import (
	"net/http"

	"tarn/edge/api/gate"
)

// Tarn has no rules and keeps no exemplars. Clients that ask for them all the
// same, such as Grafana, get the empty lists that they understand and not an
// error in each panel.

// rules serves /api/v1/rules.
func (a *API) rules(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	if err == nil {
		switch kind := p.Get("type"); kind {
		case "", "alert", "record":
		default:
			err = gate.Bad("type must be alert or record: %q", kind)
		}
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, r, map[string][]string{"groups": {}})
}

// alerts serves /api/v1/alerts.
func (a *API) alerts(w http.ResponseWriter, r *http.Request) {
	if _, err := a.params(r); err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, r, map[string][]string{"alerts": {}})
}

// exemplars serves /api/v1/query_exemplars. What cannot be asked is an error
// here too.
func (a *API) exemplars(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	if err == nil {
		_, _, err = p.span()
	}
	if err == nil {
		_, err = p.expression(func(err error) error { return gate.Bad("%w", err) })
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, r, []string{})
}
