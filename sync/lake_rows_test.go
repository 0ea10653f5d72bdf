package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// rowCounter counts the rows of objects, by the number that each row has.
type rowCounter struct {
	t    *testing.T
	seen map[int64]int
}

func (c *rowCounter) add(name string, object []byte) {
	c.t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	leaf, ok := f.Schema().Lookup("n")
	if !ok {
		c.t.Fatalf("%s has no column n", name)
	}
	buf := make([]parquet.Row, 256)
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		for {
			n, err := rows.ReadRows(buf)
			for _, r := range buf[:n] {
				c.seen[r[leaf.ColumnIndex].Int64()]++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				c.t.Fatalf("%s: %v", name, err)
			}
		}
		if err := rows.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// check says whether each of the first n rows is there once.
func (c *rowCounter) check(n int) {
	c.t.Helper()
	for i := range int64(n) {
		if c.seen[i] != 1 {
			c.t.Fatalf("row %d is there %d times", i, c.seen[i])
		}
	}
	if len(c.seen) != n {
		c.t.Fatalf("%d rows instead of %d", len(c.seen), n)
	}
}

// checkDir checks that the objects in a directory have each of the first n rows
// once.
func checkDir(t *testing.T, dir string, n int) {
	t.Helper()
	c := &rowCounter{t, map[int64]int{}}
	for _, path := range parquetFiles(t, dir) {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.add(fmt.Sprint(path), body)
	}
	c.check(n)
}
