package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store/catalog"
	"tarn/store/schema"
)

// database is one database at run time.
type database struct {
	id uint32
	// info is replaced as a whole.
	info atomic.Pointer[catalog.Database]

	// write serialises what changes tables and the order of rows: sequence
	// numbers are given and rows inserted under it.
	write sync.Mutex
	// tables by name, live ones only; replaced as a whole under write.
	tables atomic.Pointer[map[string]*table]
}

func newDatabase(d catalog.Database) *database {
	db := &database{id: d.ID}
	db.info.Store(&d)
	db.tables.Store(&map[string]*table{})
	return db
}

func (d *database) name() string { return d.info.Load().Name }

func (d *database) table(name string) (*table, bool) {
	t, ok := (*d.tables.Load())[name]
	return t, ok
}

// tableOf finds the live table that a schema is of, whatever it is called now.
func (d *database) tableOf(s *Store, sch *schema.Table) (*table, bool) {
	t, ok := d.table(sch.Name)
	if ok && t.id == sch.ID {
		return t, true
	}
	if t = s.tableByID(sch.ID); t == nil { // renamed, or gone
		return nil, false
	}
	now, ok := d.table(t.schema.Load().Name)
	return t, ok && now == t
}

// setTable adds or, with a nil table, removes a name. The caller holds write.
func (d *database) setTable(name string, t *table) {
	m := maps.Clone(*d.tables.Load())
	if t == nil {
		delete(m, name)
	} else {
		m[name] = t
	}
	d.tables.Store(&m)
}

// oldest is the oldest time that retention lets a reader see.
func (d *database) oldest(now time.Time) int64 {
	return oldestOf(d.info.Load().Retention, now)
}

// oldestOf is the oldest time that a retention in nanoseconds lets a reader
// see.
func oldestOf(r int64, now time.Time) int64 {
	if r <= 0 {
		return MinTime
	}
	limit := now.UnixNano() - r
	if limit > now.UnixNano() { // a retention longer than the calendar
		return MinTime
	}
	return limit + 1
}

// Database is a view of one live database.
type Database struct {
	store *Store
	db    *database
}

// Name is the database's name.
func (d Database) Name() string { return d.db.name() }

// ID is the database's number.
func (d Database) ID() uint32 { return d.db.id }

// Retention is how long rows stay visible; 0 means for ever.
func (d Database) Retention() time.Duration { return time.Duration(d.db.info.Load().Retention) }

// TableRetention is how long rows of a live table stay visible, whatever its
// database says; 0 leaves it to the database.
func (d Database) TableRetention(name string) time.Duration {
	t, ok := d.db.table(name)
	if !ok {
		return 0
	}
	return t.schema.Load().Retention()
}

// Tables lists the live tables by name.
func (d Database) Tables() []string {
	return slices.Sorted(maps.Keys(*d.db.tables.Load()))
}

// Table is the schema of a live table as it is now.
func (d Database) Table(name string) (*schema.Table, bool) {
	t, ok := d.db.table(name)
	if !ok {
		return nil, false
	}
	return t.schema.Load(), true
}

// TableBytes is Table without making a string of the name.
func (d Database) TableBytes(name []byte) (*schema.Table, bool) {
	t, ok := (*d.db.tables.Load())[string(name)]
	if !ok {
		return nil, false
	}
	return t.schema.Load(), true
}

// MaxNameLength bounds database names, in bytes.
const MaxNameLength = 64

// NameError is a database name that breaks the rules of spec section 2.4.
type NameError struct{ msg string }

func (e *NameError) Error() string { return e.msg }

// CheckDatabaseName says what is wrong with a database name, or nil.
func CheckDatabaseName(name string) error {
	switch {
	case name == "":
		return &NameError{"db name cannot be empty"}
	case len(name) > MaxNameLength:
		return &NameError{fmt.Sprintf("db name too long: max %d", MaxNameLength)}
	}
	if c := name[0]; !isAlnum(c) {
		if c >= 0x80 {
			return &NameError{badCharacter}
		}
		return &NameError{"db name did not start with a number or letter"}
	}
	slash := false
	for i := range len(name) {
		switch c := name[i]; {
		case isAlnum(c), c == '_', c == '-':
		case c == '/' && !slash && i+1 < len(name):
			slash = true
		case c == '/':
			return &NameError{"db name with invalid retention policy, if providing a retention policy name, must be of form '<db_name>/<rp_name>'"}
		default:
			return &NameError{badCharacter}
		}
	}
	return nil
}

const badCharacter = "invalid character in database or rp name: must be ASCII, containing only letters, numbers, underscores, or hyphens"

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// CheckColumnName says what is wrong with a tag or field name, or nil.
func CheckColumnName(kind, name string) error {
	switch {
	case name == "":
		return &ConfigError{kind + " key cannot be empty"}
	case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return &ConfigError{kind + " key cannot contain control characters"}
	case schema.Reserved(name):
		return &ReservedError{name}
	}
	return nil
}

// ReservedError is a tag or field that has a reserved name.
type ReservedError struct{ Name string }

func (e *ReservedError) Error() string { return fmt.Sprintf("'%s' is a reserved column", e.Name) }
