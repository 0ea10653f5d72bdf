package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/vfs"
)

// TestCrashes drives a store through hundreds of random steps and compares it
// with a map all the way: acknowledged rows are there exactly once, whatever
// the moment of the crash and whatever part of the unsynced bytes survives it.
func TestCrashes(t *testing.T) {
	testSeeds(t, 12, func(t *testing.T, seed uint64) {
		m := newMachine(t, seed)
		m.anyKind = true
		w := &writer{rng: m.rng, now: 1_700_000_000_000_000_000, width: 3}
		ctx := context.Background()
		m.mustOpen()
		for range 120 {
			switch m.rng.IntN(34) {
			case 0:
				m.must(m.store.Checkpoint(ctx))
				m.acked()
			case 1: // power fails inside a checkpoint
				m.recover(m.crashAtOp(1+m.rng.Int32N(60), func() { m.must(m.store.Checkpoint(ctx)) }))
			case 2: // and inside a write
				one := w.next()
				m.recover(m.crashAtOp(1+m.rng.Int32N(4), func() { m.must(m.write(one, false)) }, one))
			case 3:
				m.recover(m.crashNow())
			case 4: // a clean restart
				m.must(m.store.Close(ctx))
				m.store = nil
				m.acked()
				m.mustOpen()
				m.check()
			case 5, 6, 7:
				m.must(m.write(w.next(), true))
			case 8:
				db, table := fmt.Sprint("d", m.rng.IntN(2)), fmt.Sprint("t", m.rng.IntN(3))
				err := m.store.DeleteTable(ctx, db, table, m.someday())
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Fatal(err)
				}
				m.forget(db, table)
			case 9:
				if m.rng.IntN(4) > 0 {
					break
				}
				db := fmt.Sprint("d", m.rng.IntN(2))
				err := m.store.DeleteDatabase(ctx, db, m.someday())
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Fatal(err)
				}
				m.forget(db, "")
			case 10, 11:
				m.check()
			case 13:
				_, err := m.store.Compact(ctx)
				m.must(err)
			case 14: // power fails inside a compaction
				m.recover(m.crashAtOp(1+m.rng.Int32N(60), func() {
					_, err := m.store.Compact(ctx)
					m.must(err)
				}))
			case 16:
				m.must(m.store.Checkpoint(ctx)) // for a table that is not there, too
				m.acked()
				d := m.anyDeletion(w.now)
				m.must(d.run(m.store))
				d.forget(m.durable)
			case 17: // power fails while rows are deleted: all of them go, or none
				m.must(m.store.Checkpoint(ctx))
				m.acked()
				d := m.anyDeletion(w.now)
				i := m.crashAtOp(1+m.rng.Int32N(40), func() { m.must(d.run(m.store)) })
				m.recoverEither(i, d)
			case 18, 19, 20:
				m.alter(m.anyAlteration())
				if m.rng.IntN(3) == 0 {
					m.recover(m.crashNow())
				}
			case 15: // a day goes by, so that there is more to merge
				m.clock.Add(dayNanos)
			case 12: // what is due goes for good
				m.clock.Add(int64(2 * time.Second))
				m.store.sweep(ctx)
			default:
				m.must(m.write(w.next(), false))
			}
		}
		m.recover(m.crashNow())
	})
}

// deletion is of rows, in the store and in the model.
type deletion interface {
	run(s *Store) error
	forget(m model)
}

func (m *machine) anyDeletion(now int64) deletion {
	if m.rng.IntN(2) == 0 {
		return m.anyKeys()
	}
	return m.anyRows(now)
}

// someKeys is a deletion of rows of a table one by one.
type someKeys struct {
	database, table string
	keys            []rowKey
}

func (m *machine) anyKeys() someKeys {
	names := slices.Sorted(maps.Keys(m.durable))
	if len(names) == 0 {
		return someKeys{}
	}
	name := names[m.rng.IntN(len(names))]
	var d someKeys
	d.database, d.table, _ = strings.Cut(name, "/")
	keys := slices.SortedFunc(maps.Keys(m.durable[name]), func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.tags, b.tags))
	})
	for _, k := range keys {
		if m.rng.IntN(3) == 0 {
			d.keys = append(d.keys, k)
		}
	}
	return d
}

func (d someKeys) run(s *Store) error {
	db, ok := s.Database(d.database)
	if !ok || d.keys == nil {
		return nil
	}
	sch, _ := db.Table(d.table)
	of := map[string]int{}
	var rows []SeriesTimes
	for _, k := range d.keys {
		at, ok := of[k.tags]
		if !ok {
			at = len(rows)
			of[k.tags] = at
			tags := make([]string, len(sch.Tags))
			for i, id := range sch.Tags {
				for pair := range strings.SplitSeq(k.tags, ",") {
					if value, ok := strings.CutPrefix(pair, sch.Columns[id].Name+"="); ok {
						tags[i] = value
					}
				}
			}
			rows = append(rows, SeriesTimes{Tags: tags})
		}
		rows[at].Times = append(rows[at].Times, k.time)
	}
	return s.DeleteRows(context.Background(), d.database, d.table, RowDelete{Rows: rows})
}

func (d someKeys) forget(m model) {
	for _, k := range d.keys {
		delete(m[d.database+"/"+d.table], k)
	}
}

// someRows is a deletion of the rows of one host in a range of time.
type someRows struct {
	database, table, host string
	from, to              int64
}

func (m *machine) anyRows(now int64) someRows {
	d := someRows{fmt.Sprint("d", m.rng.IntN(2)), fmt.Sprint("t", m.rng.IntN(3)), fmt.Sprint("v", m.rng.IntN(4)), MinTime, MaxTime}
	if m.rng.IntN(3) > 0 {
		d.from = now - m.rng.Int64N(600)
		d.to = d.from + m.rng.Int64N(600)
	}
	return d
}

func (d someRows) run(s *Store) error {
	db, ok := s.Database(d.database)
	if !ok {
		return nil
	}
	sch, ok := db.Table(d.table)
	if !ok {
		return nil
	}
	rows := RowDelete{MinTime: d.from, MaxTime: d.to, Filter: func(_ context.Context, tags *column.Batch, keep []bool) error {
		for i := range keep {
			keep[i] = len(tags.Cols) > 0 && !tags.Cols[0].IsNull(i) && tags.Cols[0].Text(i) == d.host
		}
		return nil
	}}
	if c, ok := sch.Column("host"); ok {
		rows.FilterTags = []int{c.ID}
	}
	return s.DeleteRows(context.Background(), d.database, d.table, rows)
}

// forget does to the model what run does to the store.
func (d someRows) forget(m model) {
	for k := range m[d.database+"/"+d.table] {
		if k.time >= d.from && k.time <= d.to && slices.Contains(strings.Split(k.tags, ","), "host="+d.host) {
			delete(m[d.database+"/"+d.table], k)
		}
	}
}

// recoverEither restarts after a crash in a deletion.
func (m *machine) recoverEither(i image, d deletion) {
	m.t.Helper()
	m.stop()
	m.mem, m.catalog, m.tail = i.mem, i.catalog, nil
	m.mustOpen()
	got := dump(m.t, m.store, m.rng)
	without := m.durable.clone()
	d.forget(without)
	if first := m.durable.diff(got); first != "" {
		if second := without.diff(got); second != "" {
			m.t.Fatalf("after a crash in a deletion: %s; %s", first, second)
		}
		m.durable = without
	}
}

// someday is a hard deletion at the next sweep, in three days, or never.
func (m *machine) someday() HardDelete {
	switch m.rng.IntN(3) {
	case 0:
		return HardDelete{At: m.now().Add(time.Second)}
	case 1:
		return HardDelete{Never: true}
	}
	return HardDelete{}
}

// crashAtOp runs fn, which may make the given writes, and returns what the disk
// had before its n-th operation, or at its end.
func (m *machine) crashAtOp(n int32, fn func(), writes ...write) image {
	m.t.Helper()
	durable, tail := m.durable.clone(), slices.Clone(m.tail)
	var ops atomic.Int32
	taken := make(chan image, 1)
	var hook vfs.Injector = func(vfs.Op) (int, error) {
		if ops.Add(1) == n {
			taken <- m.crash()
		}
		return 0, nil
	}
	m.inject.Store(&hook)
	fn()
	m.inject.Store(nil)
	select {
	case i := <-taken:
		// What fn acknowledged came after the crash.
		m.durable, m.tail = durable, append(tail, writes...)
		return i
	default:
		return m.crashNow()
	}
}
