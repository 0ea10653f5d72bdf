// Package lp is a streaming line-protocol parser that allocates nothing in
// steady state: bytes in, lines out, with no idea of storage.
//
//	measurement[,tag=value...] SP+ field=value[,field=value...] [SP+ timestamp]
//
// A [Decoder] walks over the lines of a body, read in chunks or lying in
// memory. Typical use:
//
//	d := lp.NewDecoder(body)
//	for d.Next() {
//		if e := d.LineErr(); e != nil {
//			report(e) // this line is bad; the following ones are not affected
//			continue
//		}
//		line := d.Line()
//		series, ok := known[string(line.Key)]
//		if !ok {
//			measurement, tags, e := line.ParseKey()
//			...
//		}
//		use(series, line.Fields, line.Time)
//	}
//	if err := d.Err(); err != nil { ... }
//
// # Lazy keys
//
// Measurement and tag set are split off as written ([Line.Key]) and decoded
// only by [Line.ParseKey]: a caller that keeps a table from raw keys to series
// decodes the tags of a series once. Mistakes inside the key are reported by
// that call, unless the decoder was made with [EagerKeys].
//
// # Where a line ends
//
// A newline ends a line unless a backslash precedes it or it lies inside a
// quoted field string. A string opens at a quote that directly follows an
// unescaped "=" of the field part and closes at the next quote without a
// backslash, however many newlines lie between; this also holds in lines that
// are bad for another reason, so the text of a string is never mistaken for
// lines. A quote that nothing closes before the end of the input (or within
// the maximum line length) does not swallow the rest of the body: its line is
// bad and ends at the first newline after that quote, and parsing goes on
// there. One "\r" before the newline belongs to the line end. Blank lines and
// lines whose first non-blank byte is "#" are skipped.
//
// # Leniency
//
// Compared with InfluxDB 3 Core, whose error texts are used, spaces at the end
// of a line and CRLF line ends are tolerated, while repeated tag keys, a comma
// that no field follows, NUL bytes, invalid UTF-8 and more than 65536 tags or
// fields make a line bad.
package lp
