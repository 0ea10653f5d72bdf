//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// dataset is a line-protocol file cut into batches. Only offsets are kept: the
// lines themselves stay in the file (and in the page cache), so that the loader's
// memory does not compete with the server's.
type dataset struct {
	path    string
	batches []batch
	lines   int64
	values  int64 // fields, over all lines
	bytes   int64
	tables  map[string]int64 // lines per table
	first   int64            // smallest and largest time stamp in the file, as written
	last    int64
}

// batch is one request body: whole lines in file[off : off+size].
type batch struct {
	off  int64
	size int
}

// openDataset reads the file once and cuts it into batches of linesPerBatch lines.
func openDataset(path string, linesPerBatch int) (*dataset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	d := &dataset{path: path, tables: make(map[string]int64)}
	if err := d.scan(f, linesPerBatch); err != nil {
		return nil, fmt.Errorf("scan %s: %w", path, err)
	}
	if d.lines == 0 {
		return nil, fmt.Errorf("scan %s: no lines", path)
	}
	return d, nil
}

func (d *dataset) scan(r io.Reader, linesPerBatch int) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 1<<20), 16<<20)
	scanner.Split(splitLines)

	var (
		current   batch
		inBatch   int
		lastTable []byte
		tableRows int64
	)
	flushTable := func() {
		if tableRows > 0 {
			d.tables[unescapeName(lastTable)] += tableRows
			tableRows = 0
		}
	}
	for scanner.Scan() {
		token := scanner.Bytes()
		current.size += len(token)
		d.bytes += int64(len(token))
		line := parseLine(token)
		if line.values == 0 {
			continue // blank or comment: sent along, not counted
		}
		if !bytes.Equal(line.table, lastTable) {
			flushTable()
			lastTable = append(lastTable[:0], line.table...)
		}
		tableRows++
		d.noteTime(line.time)
		d.lines++
		d.values += int64(line.values)
		if inBatch++; inBatch == linesPerBatch {
			d.batches = append(d.batches, current)
			current = batch{off: current.off + int64(current.size)}
			inBatch = 0
		}
	}
	flushTable()
	if inBatch > 0 {
		d.batches = append(d.batches, current)
	}
	return scanner.Err()
}

func (d *dataset) noteTime(text []byte) {
	ns, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return // no time stamp: the server will choose one
	}
	if d.lines == 0 || ns < d.first {
		d.first = ns
	}
	if d.lines == 0 || ns > d.last {
		d.last = ns
	}
}

// splitLines is a bufio.SplitFunc whose tokens are lines with their newline. A
// newline within a quoted string field does not end a line.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := lineEnd(data); end >= 0 {
		return end, data[:end], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// lineEnd returns the length of the first line of data with its newline, or -1
// when data does not hold the whole line.
func lineEnd(data []byte) int {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return -1
	}
	// Nearly every line has no quote, and is then over at its newline.
	if data[0] == '#' || bytes.IndexByte(data[:end], '"') < 0 {
		return end + 1
	}
	quoted := false
	for i := headEnd(data); i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				return i + 1
			}
		}
	}
	return -1
}

// parsedLine is the little of a line that counting needs; slices alias the input.
type parsedLine struct {
	table  []byte // escaped as in the file
	values int
	time   []byte
}

// parseLine trusts its input to be valid: what a server makes of bad lines is the
// business of its tests, not of a load generator.
func parseLine(line []byte) parsedLine {
	line = bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(line)) == 0 || line[0] == '#' {
		return parsedLine{}
	}
	head := headEnd(line)
	p := parsedLine{table: line[:tableEnd(line)], values: 1}
	quoted := false
	for i := head + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				p.values++
			}
		case ' ':
			if !quoted {
				p.time = line[i+1:]
				return p
			}
		}
	}
	return p
}

// headEnd returns the index of the space between tags and fields. Quotes have no
// meaning before it.
func headEnd(line []byte) int { return unescapedIndex(line, " ") }

func tableEnd(line []byte) int { return unescapedIndex(line, ", ") }

// unescapedIndex returns the index of the first byte of line that is one of stops
// and not escaped, or the length of line.
func unescapedIndex(line []byte, stops string) int {
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte(stops, line[i]) >= 0 {
			return i
		}
	}
	return len(line)
}

var nameUnescaper = strings.NewReplacer(`\,`, `,`, `\ `, ` `, `\=`, `=`)

func unescapeName(name []byte) string { return nameUnescaper.Replace(string(name)) }
