package influx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query"
	"tarn/edge/query/expr"
	"tarn/edge/query/influxql"
	"tarn/store"
)

// change runs a statement of /query that changes something. Databases and
// retention policies are the store's databases (spec/influxql.md section 3).
func (a *API) change(ctx context.Context, req *v1Request, s ast.Statement) error {
	switch s := s.(type) {
	case *ast.CreateDatabaseStatement:
		return a.createDatabaseV1(ctx, s)
	case *ast.DropDatabaseStatement:
		return a.dropDatabaseV1(ctx, s.Name)
	case *ast.CreateRetentionPolicyStatement:
		return a.createPolicy(ctx, s)
	case *ast.AlterRetentionPolicyStatement:
		return a.alterPolicy(ctx, s)
	case *ast.DropRetentionPolicyStatement:
		return a.dropPolicy(ctx, s)
	case *ast.DropMeasurementStatement:
		return a.dropMeasurement(ctx, req, s.Name)
	case *ast.DeleteSeriesStatement:
		return a.deleteRows(ctx, req, false, s.Sources, s.Condition)
	case *ast.DropSeriesStatement:
		return a.deleteRows(ctx, req, true, s.Sources, s.Condition)
	}
	words := strings.Fields(s.String())
	return &query.Error{Class: query.NotImplemented, Msg: "This feature is not implemented: " + strings.Join(words[:min(2, len(words))], " ")}
}

// retention is a policy's duration; v1 knows none under an hour.
func retention(d *time.Duration) (time.Duration, error) {
	switch {
	case d == nil:
		return 0, nil
	case *d != 0 && *d < time.Hour:
		return 0, errors.New("retention policy duration must be at least 1h0m0s")
	}
	return *d, nil
}

// createDatabaseV1 is CREATE DATABASE, which clients send whenever they start.
// A policy that it names is made beside the database, since clients will write
// to it; the duration is that of both.
func (a *API) createDatabaseV1(ctx context.Context, s *ast.CreateDatabaseStatement) error {
	d, err := retention(s.RetentionPolicyDuration)
	if err != nil {
		return err
	}
	if s.Name == query.InternalDatabase {
		return nil
	}
	names := []string{s.Name}
	if p := influxql.StoredIn(s.Name, s.RetentionPolicyName); p != s.Name {
		names = append(names, p)
	}
	for _, name := range names {
		if db, ok := a.Store.Database(name); ok && s.RetentionPolicyDuration != nil && db.Retention() != d {
			return errors.New("retention policy conflicts with an existing policy")
		}
	}
	var made []string
	for _, name := range names {
		err := a.Store.CreateDatabase(ctx, name, d)
		if errors.Is(err, store.ErrExists) {
			continue
		}
		if err != nil {
			// A limit, say: the statement changes all or nothing.
			for _, name := range made {
				err = errors.Join(err, a.Store.DeleteDatabase(ctx, name, store.HardDelete{At: a.Now()}))
			}
			return err
		}
		made = append(made, name)
	}
	return nil
}

// dropDatabaseV1 deletes a database and its retention policies for good, as v1
// does; one that does not exist is as good as deleted.
func (a *API) dropDatabaseV1(ctx context.Context, name string) error {
	if name == query.InternalDatabase {
		return errors.New("cannot delete internal db")
	}
	for _, d := range a.Store.ListDatabases(false) {
		if d.Name != name && !strings.HasPrefix(d.Name, name+"/") {
			continue
		}
		if err := a.Store.DeleteDatabase(ctx, d.Name, store.HardDelete{At: a.Now()}); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (a *API) needDatabase(name string) error {
	if _, ok := a.Store.Database(name); !ok {
		return fmt.Errorf("database not found: %s", name)
	}
	return nil
}

// createPolicy makes a database of the policy. Rows that name no policy stay in
// the database itself, whatever is called the default: its duration is not
// touched for another policy's sake, or rows that are there would be lost.
func (a *API) createPolicy(ctx context.Context, s *ast.CreateRetentionPolicyStatement) error {
	d, err := retention(&s.Duration)
	if err != nil {
		return err
	}
	if err := a.needDatabase(s.Database); err != nil {
		return err
	}
	name := influxql.StoredIn(s.Database, s.Name)
	if name != s.Database {
		err := a.Store.CreateDatabase(ctx, name, d)
		if errors.Is(err, store.ErrExists) {
			if db, ok := a.Store.Database(name); ok && db.Retention() != d {
				return errors.New("retention policy already exists")
			}
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if name == s.Database {
		return a.Store.SetRetention(ctx, s.Database, d)
	}
	return nil
}

func (a *API) alterPolicy(ctx context.Context, s *ast.AlterRetentionPolicyStatement) error {
	if err := a.needDatabase(s.Database); err != nil {
		return err
	}
	name := influxql.StoredIn(s.Database, s.Name)
	db, ok := a.Store.Database(name)
	if !ok {
		return fmt.Errorf("retention policy not found: %s", s.Name)
	}
	if s.Duration == nil {
		return nil
	}
	d, err := retention(s.Duration)
	if err != nil {
		return err
	}
	return a.Store.SetRetention(ctx, db.Name(), d)
}

func (a *API) dropPolicy(ctx context.Context, s *ast.DropRetentionPolicyStatement) error {
	if err := a.needDatabase(s.Database); err != nil {
		return err
	}
	name := influxql.StoredIn(s.Database, s.Name)
	if name == s.Database {
		return fmt.Errorf("retention policy %s is the database itself: use DROP DATABASE", s.Name)
	}
	err := a.Store.DeleteDatabase(ctx, name, store.HardDelete{At: a.Now()})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDeleted) {
		return nil
	}
	return err
}

// target is the database that a statement about measurements means.
func (a *API) target(req *v1Request) (store.Database, error) {
	if req.db == "" {
		return store.Database{}, influxql.ErrNoDatabase
	}
	db, ok := a.Store.Database(influxql.StoredIn(req.db, req.rp))
	if !ok {
		return db, fmt.Errorf("database not found: %s", req.db)
	}
	return db, nil
}

func (a *API) dropMeasurement(ctx context.Context, req *v1Request, name string) error {
	db, err := a.target(req)
	if err != nil {
		return err
	}
	err = a.Store.DeleteTable(ctx, db.Name(), name, store.HardDelete{At: a.Now()})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDeleted) {
		return nil // as v1: what is not there is as good as deleted
	}
	return err
}

// deleteRows is DELETE and DROP SERIES. What has no condition means whole
// measurements.
func (a *API) deleteRows(ctx context.Context, req *v1Request, series bool, sources ast.Sources, cond ast.Expr) error {
	db, err := a.target(req)
	if err != nil {
		return err
	}
	b := &influxql.Binder{Ctx: expr.NewContext(ctx, a.Now().UnixNano())}
	// All conditions are bound before the first row goes.
	deletions := map[string]store.RowDelete{}
	for _, name := range db.Tables() {
		t, ok := db.Table(name)
		if !ok || !among(sources, name) {
			continue
		}
		if deletions[name], err = b.Deletion(db, t, cond, series); err != nil {
			return err
		}
	}
	for name, d := range deletions {
		if cond == nil {
			err = a.Store.DeleteTable(ctx, db.Name(), name, store.HardDelete{At: a.Now()})
		} else {
			err = a.Store.DeleteRows(ctx, db.Name(), name, d)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrDeleted) {
			return err
		}
	}
	return nil
}

// among says whether FROM names a measurement; without FROM all are meant.
func among(sources ast.Sources, name string) bool {
	for _, src := range sources {
		if m, ok := src.(*ast.Measurement); ok && (m.Regex == nil && m.Name == name || m.Regex != nil && m.Regex.Val.MatchString(name)) {
			return true
		}
	}
	return len(sources) == 0
}
