package statement

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// span prints a duration as people write it: 7days, 1h 30m.
func span(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		name string
		d    time.Duration
	}{{"day", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		n := d / u.d
		if n == 0 {
			continue
		}
		d -= n * u.d
		name := u.name
		if name == "day" && n > 1 {
			name = "days"
		}
		parts = append(parts, strconv.FormatInt(int64(n), 10)+name)
	}
	return strings.Join(parts, " ")
}

func (r *Runner) use(sess *Session, s *sql.Use) (*Output, error) {
	if !r.exists(s.Database.Name) {
		return nil, databaseNotFound(s.Database.Name)
	}
	sess.Database = s.Database.Name
	return affected(0), nil
}

// set changes the session's time zone, and takes note of what drivers set and
// nothing here depends on.
func (r *Runner) set(ctx context.Context, sess *Session, s *sql.SetVariable) (*Output, error) {
	name := strings.ToLower(s.Name.Name)
	switch name {
	case "time_zone", "timezone":
		if len(s.Values) != 1 {
			return nil, gate.Bad("SET %s takes one value", name)
		}
		zone := ""
		if ref, ok := s.Values[0].(*sql.ColumnRef); ok {
			zone = ref.Name.Name // UTC without quotes
		} else {
			v, err := r.Query.Constant(ctx, r.native(sess), s.Values[0])
			if err != nil {
				return nil, Explain(err)
			}
			zone = v.Text()
		}
		loc, err := gate.ParseZone(zone)
		if err != nil {
			return nil, err
		}
		sess.ZoneName, sess.Zone = zone, loc
	case "names", "autocommit", "sql_mode", "character_set_results", "max_execution_time", "statement_timeout", "read_preference", "bytea_output",
		"datestyle", "intervalstyle", "client_encoding", "search_path", "extra_float_digits", "application_name", "client_min_messages":
	default:
		return nil, gate.Errorf(gate.Unsupported, "Unsupported set variable %s", s.Name.Name)
	}
	return affected(0), nil
}

func (r *Runner) variables(ctx context.Context, sess *Session, s *sql.ShowNative) (*Output, error) {
	all := [][2]string{{"system_time_zone", "UTC"}, {"time_zone", sess.ZoneName}, {"version", r.version()}}
	if s.Name != nil {
		name := strings.ToLower(s.Name[len(s.Name)-1].Name)
		for _, v := range all {
			if v[0] == name {
				out := texts(strings.ToUpper(name))
				out.add(v[1])
				return out.output(), nil
			}
		}
		return nil, gate.Errorf(gate.Unsupported, "Unsupported show variable: %s", name)
	}
	out := texts("Variable_name", "Value")
	for _, v := range all {
		out.add(v[0], v[1])
	}
	return r.filtered(ctx, sess, s, out)
}

// admin calls an administrative function: the answer is one row under the
// statement's text.
func (r *Runner) admin(ctx context.Context, sess *Session, s *sql.Admin) (*Output, error) {
	var args []string
	for _, a := range s.Call.Args {
		v, err := r.Query.Constant(ctx, r.native(sess), a)
		if err != nil {
			return nil, Explain(err)
		}
		args = append(args, v.Text())
	}
	name := strings.ToLower(s.Call.Name.Name)
	switch name {
	case "flush_table", "compact_table", "flush_region", "compact_region":
		if len(args) < 1 {
			return nil, gate.Bad("ADMIN %s takes the name of a table, or the number of a region", name)
		}
		if err := r.adminTable(sess, args[0], strings.HasSuffix(name, "_region")); err != nil {
			return nil, err
		}
		// All tables go to segments together; small ones are merged in the
		// background.
		if err := r.Store.Checkpoint(ctx); err != nil {
			return nil, err
		}
	case "build_index":
		// Files are made with what they have of indexes.
		if len(args) != 1 {
			return nil, gate.Bad("ADMIN %s takes the name of a table", name)
		}
		if err := r.adminTable(sess, args[0], false); err != nil {
			return nil, err
		}
	case "flush_flow":
		return nil, gate.Errorf(gate.FlowNotFound, "Flow not found: %s", strings.Join(args, ", "))
	case "procedure_state", "migrate_region", "reconcile_table", "reconcile_database", "reconcile_catalog", "gc_table", "gc_regions":
		return nil, gate.Errorf(gate.Unsupported, "Not supported: ADMIN %s is for a cluster, and this is a single server", name)
	default:
		return nil, gate.Errorf(gate.Unsupported, "Unsupported function of ADMIN: %s", name)
	}
	out := newRows(s.String(), column.Uint64)
	out.add(uint64(0))
	return out.output(), nil
}

// adminTable looks for the table that a function of ADMIN is about, by its name or
// the number of its region.
func (r *Runner) adminTable(sess *Session, arg string, region bool) error {
	if region {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return gate.Bad("Invalid region: %s", arg)
		}
		for _, db := range r.Store.Databases() {
			for _, name := range db.Tables() {
				if t, ok := db.Table(name); ok && regionID(t) == n {
					return nil
				}
			}
		}
		return gate.Errorf(gate.RegionNotFound, "Region not found: %d", n)
	}
	var id sql.ObjectName
	for part := range strings.SplitSeq(arg, ".") {
		id = append(id, sql.Ident{Name: part})
	}
	_, _, _, err := r.writable(sess, id)
	return err
}
