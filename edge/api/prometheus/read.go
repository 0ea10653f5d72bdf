package prometheus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"tarn/edge/api/gate"
	"tarn/edge/query/promql"
)

// responseType is how a remote read is answered.
type responseType uint64

const (
	samplesResponse responseType = 0
	chunksResponse  responseType = 1
)

func (t responseType) String() string {
	switch t {
	case samplesResponse:
		return "SAMPLES"
	case chunksResponse:
		return "STREAMED_XOR_CHUNKS"
	}
	return fmt.Sprint(uint64(t))
}

// readRequest is a prometheus.ReadRequest.
type readRequest struct {
	queries  []readQuery
	accepted []responseType
}

type readQuery struct {
	from, to int64 // ms
	matchers []*labels.Matcher
}

// maxQueries bounds the queries of a remote read.
const maxQueries = 100

// parseRead decodes a prometheus.ReadRequest.
func parseRead(m []byte) (q readRequest, err error) {
	for len(m) > 0 {
		var f field
		if f, m, err = next(m); err != nil {
			return q, undecodable(err)
		}
		switch f.number {
		case 1:
			if err := f.is(bytes); err != nil {
				return q, undecodable(err)
			}
			one, err := parseReadQuery(f.data)
			if err != nil {
				return q, err
			}
			if q.queries = append(q.queries, one); len(q.queries) > maxQueries {
				return q, gate.Bad("more than %d queries", maxQueries)
			}
		case 2:
			if f.kind == varint {
				q.accepted = append(q.accepted, responseType(f.n))
				continue
			}
			if err := f.is(bytes); err != nil {
				return q, undecodable(err)
			}
			for packed := f.data; len(packed) > 0; {
				var n uint64
				if n, packed, err = uvarint(packed); err != nil {
					return q, undecodable(err)
				}
				q.accepted = append(q.accepted, responseType(n))
			}
		}
	}
	return q, nil
}

func parseReadQuery(m []byte) (q readQuery, err error) {
	for len(m) > 0 {
		var f field
		if f, m, err = next(m); err != nil {
			return q, undecodable(err)
		}
		switch f.number {
		case 1, 2:
			if err := f.is(varint); err != nil {
				return q, undecodable(err)
			}
			if f.number == 1 {
				q.from = int64(f.n)
			} else {
				q.to = int64(f.n)
			}
		case 3:
			if err := f.is(bytes); err != nil {
				return q, undecodable(err)
			}
			ma, err := parseMatcher(f.data)
			if err != nil {
				return q, err
			}
			if q.matchers = append(q.matchers, ma); len(q.matchers) > maxMatchers {
				return q, gate.Bad("more than %d matchers", maxMatchers)
			}
		}
	}
	names := 0
	for _, ma := range q.matchers {
		if ma.Name == promql.NameLabel {
			if ma.Type != labels.MatchEqual || ma.Value == "" {
				names = 2
			}
			names++
		}
	}
	if names != 1 {
		return q, gate.Bad("expected exactly one non-empty equality matcher for '%s'", promql.NameLabel)
	}
	return q, nil
}

func parseMatcher(m []byte) (*labels.Matcher, error) {
	var kind uint64
	var name, value []byte
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return nil, undecodable(err)
		}
		m = rest
		want := bytes
		if f.number == 1 {
			want = varint
		}
		if f.number < 1 || f.number > 3 {
			continue
		}
		if err := f.is(want); err != nil {
			return nil, undecodable(err)
		}
		switch f.number {
		case 1:
			kind = f.n
		case 2:
			name = f.data
		case 3:
			value = f.data
		}
	}
	if kind > uint64(labels.MatchNotRegexp) {
		return nil, gate.Bad("a matcher has the unknown type %d", kind)
	}
	if !utf8.Valid(name) || !utf8.Valid(value) {
		return nil, gate.Bad("the matcher of %q is not UTF-8", name)
	}
	ma, err := labels.NewMatcher(labels.MatchType(kind), string(name), string(value))
	if err != nil {
		return nil, gate.Bad("the matcher of %s: %w", name, err)
	}
	return ma, nil
}

// read serves remote read (spec section 4.2): samples in one answer, or chunks
// in a stream for those who take them.
func (a *API) read(w http.ResponseWriter, r *http.Request) {
	database, q, kind, err := a.readRequest(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	defer cancel()
	begun := false
	err = a.Query.PromData(ctx, database, "remote read", 0, func(ctx context.Context, data promql.Queryable) error {
		if kind == chunksResponse {
			return streamChunks(ctx, w, data, q.queries, &begun)
		}
		body, err := readSamples(ctx, data, q.queries)
		if err != nil {
			return err
		}
		begun = true
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Header().Set("Content-Encoding", "snappy")
		_, _ = w.Write(s2.EncodeSnappy(nil, body)) // a client that went away is nobody's error
		return nil
	})
	switch {
	case err == nil:
	case begun:
		// The client must not take half of an answer for the whole.
		panic(http.ErrAbortHandler)
	default:
		a.Fail(w, r, gate.ShapeB, err)
	}
}

func (a *API) readRequest(r *http.Request) (database string, q readRequest, kind responseType, err error) {
	if database, err = a.ReadDatabase(r, gate.Query(r)); err != nil {
		return database, q, 0, err
	}
	raw, err := a.RawBody(r)
	if err != nil {
		return database, q, 0, err
	}
	plain, err := a.Unsnappy(raw)
	if err != nil {
		return database, q, 0, err
	}
	if q, err = parseRead(plain); err != nil {
		var broken *decodeError
		if errors.As(err, &broken) {
			err = gate.Bad("%w", err)
		}
		return database, q, 0, err
	}
	for i := range q.queries {
		if err := a.checkTable(&q.queries[i], database); err != nil {
			return database, q, 0, err
		}
	}
	if len(q.accepted) == 0 {
		return database, q, samplesResponse, nil
	}
	for _, t := range q.accepted {
		if t == samplesResponse || t == chunksResponse {
			return database, q, t, nil
		}
	}
	var names []string
	for _, t := range q.accepted {
		names = append(names, t.String())
	}
	return database, q, 0, gate.Bad("server does not support any of the requested response types: %s; supported: %s, %s",
		strings.Join(names, ", "), samplesResponse, chunksResponse)
}

// checkTable refuses a query of a table that does not exist.
func (a *API) checkTable(q *readQuery, database string) error {
	table := ""
	for _, m := range q.matchers {
		switch {
		case m.Name == promql.NameLabel:
			table = m.Value
		case promql.ChoosesDatabase(m.Name) && m.Type == labels.MatchEqual:
			database = m.Value
		}
	}
	db, ok := a.Store.Database(database)
	if ok {
		_, ok = db.Table(table)
	}
	if !ok {
		return gate.Errorf(gate.TableNotFound, "Table not found: %s.%s.%s", gate.Catalog, database, table)
	}
	return nil
}

// each calls fn for every series of a query, sorted by labels.
func (q readQuery) each(ctx context.Context, data promql.Queryable, fn func(storage.Series) error) (err error) {
	querier, err := data.Querier(q.from, q.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, querier.Close()) }()
	set := querier.Select(ctx, true, nil, q.matchers...)
	for set.Next() {
		if err := fn(set.At()); err != nil {
			return err
		}
	}
	return set.Err()
}

// appendLabels appends labels as field 1 of a series.
func appendLabels(dst []byte, l labels.Labels) []byte {
	l.Range(func(l labels.Label) {
		size := 2 + uvarintSize(uint64(len(l.Name))) + len(l.Name) + uvarintSize(uint64(len(l.Value))) + len(l.Value)
		dst = binary.AppendUvarint(dst, 1<<3|uint64(bytes))
		dst = binary.AppendUvarint(dst, uint64(size))
		dst = appendBytesField(dst, 1, l.Name)
		dst = appendBytesField(dst, 2, l.Value)
	})
	return dst
}

// readSamples makes a prometheus.ReadResponse.
func readSamples(ctx context.Context, data promql.Queryable, queries []readQuery) ([]byte, error) {
	var out, result, one, point []byte
	var it chunkenc.Iterator
	for _, q := range queries {
		result = result[:0]
		err := q.each(ctx, data, func(s storage.Series) error {
			one = appendLabels(one[:0], s.Labels())
			empty := true
			it = s.Iterator(it)
			for it.Next() != chunkenc.ValNone {
				t, v := it.At()
				point = appendVarintField(appendDoubleField(point[:0], 1, v), 2, uint64(t))
				one = appendBytesField(one, 2, point)
				empty = false
			}
			if err := it.Err(); err != nil || empty {
				return err
			}
			if err := data.Memory.Reserve(2 * int64(len(one))); err != nil { // here and in the answer
				return err
			}
			result = appendBytesField(result, 1, one)
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = appendBytesField(out, 1, result)
	}
	return out, nil
}

// Chunks have as many samples as Prometheus puts into one, and frames about as
// many bytes.
const (
	chunkSamples = 120
	frameBytes   = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// streamChunks sends prometheus.ChunkedReadResponses, each in a frame: its
// size as a varint, its CRC-32C big endian, the message.
func streamChunks(ctx context.Context, w http.ResponseWriter, data promql.Queryable, queries []readQuery, begun *bool) error {
	var it chunkenc.Iterator
	var message, head []byte
	control := http.NewResponseController(w)
	send := func(series []byte, query int) error {
		message = appendBytesField(message[:0], 1, series)
		message = appendVarintField(message, 2, uint64(query))
		head = binary.AppendUvarint(head[:0], uint64(len(message)))
		head = binary.BigEndian.AppendUint32(head, crc32.Checksum(message, castagnoli))
		*begun = true
		for _, part := range [][]byte{head, message} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return control.Flush()
	}
	w.Header().Set("Content-Type", "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
	for i, q := range queries {
		var names, one, part []byte
		err := q.each(ctx, data, func(s storage.Series) error {
			names = appendLabels(names[:0], s.Labels())
			one = append(one[:0], names...)
			it = s.Iterator(it)
			for kind := it.Next(); kind != chunkenc.ValNone; {
				chunk := chunkenc.NewXORChunk()
				app, err := chunk.Appender()
				if err != nil {
					return err
				}
				first := it.AtT()
				last := first
				for n := 0; kind != chunkenc.ValNone && n < chunkSamples; n++ {
					t, v := it.At()
					app.Append(t, v)
					last, kind = t, it.Next()
				}
				part = appendVarintField(part[:0], 1, uint64(first))
				part = appendVarintField(part, 2, uint64(last))
				part = appendVarintField(part, 3, uint64(chunkenc.EncXOR))
				part = appendBytesField(part, 4, chunk.Bytes())
				one = appendBytesField(one, 2, part)
				if len(one) >= frameBytes {
					if err := send(one, i); err != nil {
						return err
					}
					one = append(one[:0], names...)
				}
			}
			if err := it.Err(); err != nil || len(one) == len(names) {
				return err
			}
			return send(one, i)
		})
		if err != nil {
			w.Header().Del("Content-Type")
			return err
		}
	}
	if !*begun {
		*begun = true
		w.WriteHeader(http.StatusOK)
	}
	return nil
}
