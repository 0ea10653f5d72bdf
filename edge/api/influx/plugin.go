package influx

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"tarn/edge/engine"
	"tarn/edge/server"
)

// trialBody asks for a test run of a plugin.
type trialBody struct {
	Filename  *string           `json:"filename"`
	Database  *string           `json:"database"`
	Lines     *string           `json:"input_lp"`
	Schedule  string            `json:"schedule"`
	CacheName string            `json:"cache_name"`
	Arguments map[string]string `json:"input_arguments"`
}

func (a *API) readTrial(r *http.Request, writes bool) (t engine.Trial, err error) {
	var b trialBody
	err = a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.Filename == nil:
		err = missing("serde json error", "filename")
	case b.Database == nil:
		err = missing("serde json error", "database")
	case b.Lines == nil && writes:
		err = missing("serde json error", "input_lp")
	}
	if err != nil {
		return t, err
	}
	return engine.Trial{Plugin: *b.Filename, Database: *b.Database, Lines: text(b.Lines), Schedule: b.Schedule, CacheName: b.CacheName, Arguments: b.Arguments}, nil
}

// testWrites serves POST /api/v3/plugin_test/wal.
func (a *API) testWrites(w http.ResponseWriter, r *http.Request) {
	t, err := a.readTrial(r, true)
	var result engine.TrialResult
	if err == nil {
		result, err = a.Engine.TryWrites(r.Context(), t)
	}
	if err != nil {
		a.fail(w, r, pluginError(err))
		return
	}
	server.JSON(w, http.StatusOK, result)
}

// testSchedule serves POST /api/v3/plugin_test/schedule.
func (a *API) testSchedule(w http.ResponseWriter, r *http.Request) {
	t, err := a.readTrial(r, false)
	answer := struct {
		At *string `json:"trigger_time"`
		engine.TrialResult
	}{}
	if err == nil {
		var at time.Time
		at, answer.TrialResult, err = a.Engine.TrySchedule(r.Context(), t)
		if !at.IsZero() {
			text := at.Format(time.RFC3339Nano)
			answer.At = &text
		}
	}
	if err != nil {
		a.fail(w, r, pluginError(err))
		return
	}
	server.JSON(w, http.StatusOK, answer)
}

// installPackages serves POST .../plugin_environment/install_packages.
func (a *API) installPackages(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Packages *[]string `json:"packages"`
	}
	err := a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.Packages == nil:
		err = missing("serde json error", "packages")
	case len(*b.Packages) == 0 || len(*b.Packages) > 100:
		err = badRequest("serde json error: `packages` must have 1 to 100 names")
	default:
		err = installError(a.Engine.InstallPackages(r.Context(), *b.Packages))
	}
	a.pluginDone(w, r, err)
}

// installRequirements serves POST .../plugin_environment/install_requirements.
func (a *API) installRequirements(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Location *string `json:"requirements_location"`
	}
	err := a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.Location == nil:
		err = missing("serde json error", "requirements_location")
	default:
		err = installError(a.Engine.InstallRequirements(r.Context(), *b.Location))
	}
	a.pluginDone(w, r, err)
}

func installError(err error) error {
	var name *engine.BadPackage
	if err == nil || errors.Is(err, engine.ErrInstallOff) || errors.Is(err, engine.ErrNoDir) || errors.As(err, &name) {
		return err
	}
	return &requestError{http.StatusInternalServerError, "Processing engine error: error installing python packages: " + err.Error()}
}

const enginePath = "/api/v3/engine/"

// engineRequest serves GET and POST /api/v3/engine/{path}: the path is compared
// as it was sent.
func (a *API) engineRequest(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), enginePath)
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	request := engine.Request{Query: map[string]string{}, Headers: map[string]string{}}
	for name, values := range q {
		request.Query[name] = values[len(values)-1]
	}
	for name, values := range r.Header {
		if name != "Authorization" {
			request.Headers[strings.ToLower(name)] = values[len(values)-1]
		}
	}
	request.Headers["host"] = r.Host
	b, err := a.openBody(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	request.Body, err = io.ReadAll(b)
	b.close()
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer, err := a.Engine.Serve(r.Context(), path, request)
	var failed *engine.FailedError
	switch {
	case errors.Is(err, engine.ErrNoRoute):
		Fail(w, http.StatusNotFound, "not found")
		return
	case errors.As(err, &failed):
		Fail(w, http.StatusInternalServerError, failed.Error())
		return
	case err != nil:
		a.fail(w, r, pluginError(err))
		return
	}
	head := w.Header()
	for name, value := range answer.Headers {
		if strings.ContainsAny(value, "\r\n\x00") {
			value = ""
		}
		switch strings.ToLower(name) {
		case "content-length", "transfer-encoding", "connection":
		default:
			head.Set(name, value)
		}
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // a client that went away is nobody's error
}

// fileBody is a file for a plugin.
type fileBody struct {
	Name    *string `json:"plugin_name"`
	Content *string `json:"content"`
}

// writePlugin serves POST and PUT /api/v3/plugins/files: POST names a path, PUT
// a trigger.
func (a *API) writePlugin(byTrigger bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if q, err := parseQuery(r); err == nil && q.Has("path") {
			a.writePluginRaw(w, r, q.Get("path"))
			return
		}
		var b fileBody
		err := a.readConfig(r, &b)
		switch {
		case err != nil:
		case b.Name == nil:
			err = missing("serde json error", "plugin_name")
		case b.Content == nil:
			err = missing("serde json error", "content")
		case byTrigger:
			err = a.Engine.ReplaceFile(*b.Name, *b.Content)
		default:
			err = a.Engine.WriteFile(*b.Name, *b.Content)
		}
		a.pluginDone(w, r, err)
	}
}

// writePluginRaw takes the body as the file.
func (a *API) writePluginRaw(w http.ResponseWriter, r *http.Request, path string) {
	b, err := a.openBody(r)
	if err == nil {
		var content []byte
		content, err = io.ReadAll(b)
		b.close()
		if err == nil {
			err = a.Engine.WriteFile(path, string(content))
		}
	}
	a.pluginDone(w, r, err)
}

// replaceDirectory serves PUT /api/v3/plugins/directory.
func (a *API) replaceDirectory(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Name  *string `json:"plugin_name"`
		Files *[]struct {
			Path    string `json:"relative_path"`
			Content string `json:"content"`
		} `json:"files"`
	}
	err := a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.Name == nil:
		err = missing("serde json error", "plugin_name")
	case b.Files == nil:
		err = missing("serde json error", "files")
	default:
		var files []engine.File
		for _, f := range *b.Files {
			files = append(files, engine.File{Path: f.Path, Content: f.Content})
		}
		err = a.Engine.ReplaceDirectory(*b.Name, files)
	}
	a.pluginDone(w, r, err)
}
