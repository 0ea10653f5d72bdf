package influx

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"tarn/edge/engine"
	"tarn/store"
)

// triggerBody is what creates a trigger; deleting, enabling and disabling one
// need the first two members.
type triggerBody struct {
	DB       *string         `json:"db"`
	Name     *string         `json:"trigger_name"`
	Plugin   *string         `json:"plugin_filename"`
	Spec     *string         `json:"trigger_specification"`
	Settings triggerSettings `json:"trigger_settings"`
	// Arguments may be scalars of any type.
	Arguments map[string]json.RawMessage `json:"trigger_arguments"`
	Disabled  bool                       `json:"disabled"`
	Force     bool                       `json:"force"`
}

type triggerSettings struct {
	RunAsync bool   `json:"run_async"`
	OnError  string `json:"error_behavior"`
}

// createTrigger serves POST /api/v3/configure/processing_engine_trigger.
func (a *API) createTrigger(w http.ResponseWriter, r *http.Request) {
	var b triggerBody
	err := a.readConfig(r, &b)
	for _, m := range []struct {
		name  string
		value *string
	}{{"db", b.DB}, {"plugin_filename", b.Plugin}, {"trigger_name", b.Name}, {"trigger_specification", b.Spec}} {
		if err == nil && m.value == nil {
			err = missing("serde json error", m.name)
		}
	}
	var args map[string]string
	if err == nil {
		args, err = scalars("trigger_arguments", b.Arguments)
	}
	onError := strings.ToLower(b.Settings.OnError)
	switch onError {
	case "":
		onError = "log"
	case "log", "retry", "disable":
	default:
		if err == nil {
			err = badRequest(fmt.Sprintf("serde json error: unknown variant `%s`, expected one of `log`, `retry`, `disable`", b.Settings.OnError))
		}
	}
	if err == nil && *b.Name == "" {
		err = badRequest("serde json error: `trigger_name` is empty")
	}
	if err == nil {
		err = a.Engine.Create(r.Context(), engine.Definition{Database: *b.DB, Name: *b.Name, Plugin: *b.Plugin, Specification: *b.Spec,
			Async: b.Settings.RunAsync, OnError: onError, Arguments: args, Disabled: b.Disabled})
		if errors.Is(err, store.ErrNotFound) {
			err = &requestError{http.StatusNotFound, "Database not found " + *b.DB}
		}
	}
	a.pluginDone(w, r, err)
}

// scalars turns members of an object to text.
func scalars(member string, in map[string]json.RawMessage) (map[string]string, error) {
	if in == nil {
		return nil, nil
	}
	out := map[string]string{}
	for name, raw := range in {
		text := string(raw)
		switch text[0] {
		case '{', '[', 'n':
			return nil, badRequest(fmt.Sprintf("serde json error: invalid type in `%s`: `%s` must be a string", member, name))
		case '"':
			if err := decodeJSON(raw, &text); err != nil {
				return nil, err
			}
		}
		out[name] = text
	}
	return out, nil
}

// namedTrigger reads which trigger is meant, from the query string or without
// one from a JSON body.
func (a *API) namedTrigger(r *http.Request) (b triggerBody, err error) {
	prefix := "serde error"
	if r.URL.RawQuery == "" {
		prefix = "serde json error"
		err = a.readConfig(r, &b)
	} else if q, e := parseQuery(r); e != nil {
		err = e
	} else {
		for name, to := range map[string]**string{"db": &b.DB, "trigger_name": &b.Name} {
			if q.Has(name) {
				v := q.Get(name)
				*to = &v
			}
		}
		b.Force, err = queryBool(q, "force", false)
	}
	switch {
	case err != nil:
	case b.DB == nil:
		err = missing(prefix, "db")
	case b.Name == nil:
		err = missing(prefix, "trigger_name")
	}
	return b, err
}

// noTrigger is the answer for a trigger that is not there.
func noTrigger(err error, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &requestError{http.StatusNotFound, "the requested resource was not found: " + name}
	}
	return err
}

// deleteTrigger serves DELETE of the same path.
func (a *API) deleteTrigger(w http.ResponseWriter, r *http.Request) {
	b, err := a.namedTrigger(r)
	if err == nil {
		err = noTrigger(a.Engine.Delete(r.Context(), *b.DB, *b.Name, b.Force), *b.Name)
		if errors.Is(err, engine.ErrEnabled) {
			err = &requestError{http.StatusConflict, "Cannot delete running plugin " + *b.Name + ". Disable it first or use --force."}
		}
	}
	a.pluginDone(w, r, err)
}

// switchTrigger serves POST .../enable and .../disable.
func (a *API) switchTrigger(disabled bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := a.namedTrigger(r)
		if err == nil {
			err = noTrigger(a.Engine.SetDisabled(r.Context(), *b.DB, *b.Name, disabled), *b.Name)
		}
		a.pluginDone(w, r, err)
	}
}

// pluginDone answers an act on triggers or plugins.
func (a *API) pluginDone(w http.ResponseWriter, r *http.Request, err error) {
	a.done(w, r, http.StatusOK, pluginError(err))
}

// pluginError gives an engine's error its answer.
func pluginError(err error) error {
	var (
		plugin  *engine.PluginError
		spec    *engine.SpecError
		kind    *engine.KindError
		pack    *engine.BadPackage
		notNow  *engine.Unavailable
		limit   *store.LimitError
		request *requestError
	)
	switch {
	case err == nil, errors.As(err, &request), errors.As(err, &limit), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists),
		errors.Is(err, store.ErrDeleted), errors.Is(err, store.ErrClosed):
		return err
	case errors.As(err, &plugin):
		return badRequest("Plugin error: " + plugin.Error())
	case errors.As(err, &spec), errors.As(err, &kind):
		return badRequest(err.Error())
	case errors.As(err, &pack):
		return badRequest("Processing engine error: error installing python packages: " + err.Error())
	case errors.Is(err, engine.ErrInstallOff):
		return &requestError{http.StatusForbidden, err.Error()}
	case errors.Is(err, engine.ErrNoTrigger):
		return &requestError{http.StatusNotFound, "Processing engine error: plugin error: " + strings.TrimPrefix(err.Error(), engine.ErrNoTrigger.Error()+": ")}
	case errors.As(err, &notNow):
		return &requestError{http.StatusServiceUnavailable, err.Error()}
	}
	return &requestError{http.StatusInternalServerError, "Plugin error: " + err.Error()}
}
