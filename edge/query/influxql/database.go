package influxql

import (
	"errors"
	"fmt"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/plan"
)

// ErrManyStatements is a request of v3, which takes one statement, with none or
// several.
var ErrManyStatements = &plan.Error{Class: plan.Plan, Msg: "must provide only one InfluxQl statement per query"}

// mismatch is a request whose parameter and text name different databases.
type mismatch struct{ param, text string }

func (e *mismatch) Error() string {
	return fmt.Sprintf("provided a database in both the parameters (%s) and query string (%s) that do not match, if providing a query that specifies the database, you can omit the 'database' parameter from your request", e.param, e.text)
}

// IsMismatch says whether an error is that of CheckDatabase.
func IsMismatch(err error) bool {
	var m *mismatch
	return errors.As(err, &m)
}

// CheckDatabase refuses a statement that names another database than param, as
// v3 does. An empty param goes with all.
func CheckDatabase(s ast.Statement, param string) (err error) {
	if param == "" {
		return nil
	}
	check := func(db, rp string) {
		if db != "" && err == nil && db != param && StoredIn(db, rp) != param {
			m := &mismatch{param, StoredIn(db, rp)}
			err = &plan.Error{Class: plan.Plan, Msg: m.Error(), Err: m}
		}
	}
	if d, ok := s.(ast.HasDefaultDatabase); ok {
		check(d.DefaultDatabase(), "")
	}
	ast.WalkFunc(s, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Measurement:
			check(n.Database, n.RetentionPolicy)
		case *ast.SubQuery:
			for _, src := range n.Statement.Sources {
				if m, ok := src.(*ast.Measurement); ok {
					check(m.Database, m.RetentionPolicy)
				}
			}
		}
	})
	return err
}
