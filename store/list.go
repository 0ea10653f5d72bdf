package store

import (
	"slices"
	"strings"
	"time"

	"tarn/store/catalog"
	"tarn/store/schema"
)

// DatabaseInfo describes a database for lists.
type DatabaseInfo struct {
	ID        uint32
	Name      string
	Retention time.Duration
	Deleted   bool
	// HardDeleteAt is when a deleted one's data goes; zero means never.
	HardDeleteAt time.Time
}

// ListDatabases lists databases by name, with the deleted ones if wanted.
func (s *Store) ListDatabases(deleted bool) []DatabaseInfo {
	var out []DatabaseInfo
	for _, db := range *s.byID.Load() {
		d := db.info.Load()
		if d.Purged || d.DeletedAt != 0 && !deleted {
			continue
		}
		info := DatabaseInfo{ID: d.ID, Name: d.Name, Retention: time.Duration(d.Retention), Deleted: d.DeletedAt != 0}
		if d.HardDeleteAt != 0 {
			info.HardDeleteAt = time.Unix(0, d.HardDeleteAt).UTC()
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b DatabaseInfo) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// TableInfo describes a table for lists.
type TableInfo struct {
	Database string
	Schema   *schema.Table
	// Retention is the table's own; 0 leaves it to the database.
	Retention time.Duration
	// LastCaches and DistinctCaches are how many the table has.
	LastCaches, DistinctCaches int
	Deleted                    bool
	HardDeleteAt               time.Time
}

// ListTables lists the tables of all live databases, by database and name,
// with the deleted ones if wanted.
func (s *Store) ListTables(deleted bool) []TableInfo {
	var out []TableInfo
	for _, t := range s.allTables() {
		sch := t.schema.Load()
		db, ok := s.databaseByID(sch.DatabaseID)
		r := t.record()
		gone := r.DeletedAt != 0 || ok && db.info.Load().DeletedAt != 0
		if !ok || r.Purged || gone && !deleted {
			continue
		}
		info := TableInfo{Database: db.name(), Schema: sch, Retention: sch.Retention(), Deleted: gone}
		for _, c := range t.cacheList() {
			if c.def.Kind == catalog.LastCache {
				info.LastCaches++
			} else {
				info.DistinctCaches++
			}
		}
		if r.HardDeleteAt != 0 {
			info.HardDeleteAt = time.Unix(0, r.HardDeleteAt).UTC()
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b TableInfo) int {
		return strings.Compare(a.Database+"\x00"+a.Schema.Name, b.Database+"\x00"+b.Schema.Name)
	})
	return out
}
