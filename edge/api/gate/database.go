package gate

import (
	"net/http"
	"strings"

	"tarn/store"
)

// Names of databases and the catalog.
const (
	Catalog = "greptime"
	// Public is the database of requests that name none. It is always there for
	// readers; its first write makes it.
	Public = "public"
	// InformationSchema and Private are there too and cannot be written.
	InformationSchema = "information_schema"
	Private           = "greptime_private"
)

// HeaderDatabase is the header that names a database.
const HeaderDatabase = "x-greptime-db-name"

// SplitDatabase reads "[<catalog>-]<schema>", split at the first dash (section
// 0.4): a database with a dash in its name is reached as
// "greptime-edge-site".
func SplitDatabase(text string) (string, error) {
	catalog, name, ok := strings.Cut(text, "-")
	switch {
	case !ok:
		return text, nil
	case catalog == Catalog:
		return name, nil
	}
	return "", Errorf(DatabaseNotFound, "Database not found: %s", text)
}

// choose returns the first text that is not empty as a database.
func choose(texts ...string) (string, error) {
	for _, t := range texts {
		if t != "" {
			return SplitDatabase(t)
		}
	}
	return Public, nil
}

// ReadDatabase is the database of a reading request: the parameter db, which
// wins, else the header, else public. params are the request's: its query
// string, or that and its form. The database exists, or is one of those that
// always do.
func (g *Gate) ReadDatabase(r *http.Request, params Values) (string, error) {
	name, err := choose(params.Get("db"), r.Header.Get(HeaderDatabase))
	if err != nil {
		return "", err
	}
	if !g.Exists(name) {
		return "", Errorf(DatabaseNotFound, "Database not found: %s", name)
	}
	return name, nil
}

// WriteDatabase is the database of a writing request: the header, which wins,
// else the first of the named parameters of the query string that is given, else
// public. Writing makes public but no other database (section 0.4): the one
// returned exists or is public.
func (g *Gate) WriteDatabase(r *http.Request, names ...string) (string, error) {
	texts := []string{r.Header.Get(HeaderDatabase)}
	q := Query(r)
	for _, n := range names {
		texts = append(texts, q.Get(n))
	}
	name, err := choose(texts...)
	if err != nil {
		return "", err
	}
	return name, g.Writable(name)
}

// Writable says what hinders writing to a database, nil when nothing does. For
// labels and messages that name a database of their own.
func (g *Gate) Writable(name string) error {
	switch {
	case name == InformationSchema || name == Private:
		return Errorf(Unsupported, "Schema `%s` is read-only", name)
	case !g.Exists(name):
		return Errorf(DatabaseNotFound, "Database not found: %s", name)
	}
	return store.CheckDatabaseName(name)
}

// Exists says whether a database can be read.
func (g *Gate) Exists(name string) bool {
	switch name {
	case Public, InformationSchema, Private:
		return true
	}
	_, ok := g.Store.Database(name)
	return ok
}
