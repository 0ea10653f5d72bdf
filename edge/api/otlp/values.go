package otlp

import (
	"encoding/base64"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	rows "tarn/store/points"
)

// scratch is the memory of one request.
type scratch struct {
	stack []pipeline.Member // members of what is being read
	count int               // values of the current record
	text  []byte
	name  []byte

	resource, scope []attribute
	tags            []rows.Tag
	labels          []byte // names and values of tags
	counts          []uint64
	bounds          []float64
	tables          []*ingest.RowTable // of the current point
	looks           map[string]ingest.Look
}

// attribute is one KeyValue, not yet decoded.
type attribute struct {
	key   string
	value []byte // of AnyValue
}

func (a *API) scratch() *scratch {
	s, _ := a.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{looks: map[string]ingest.Look{}}
	}
	return s
}

// release gives a scratch back without what it refers to.
func (a *API) release(s *scratch) {
	clear(s.stack[:cap(s.stack)])
	clear(s.resource[:cap(s.resource)])
	clear(s.scope[:cap(s.scope)])
	clear(s.tags[:cap(s.tags)])
	clear(s.tables[:cap(s.tables)])
	clear(s.looks)
	a.pool.Put(s)
}

// maxAttributes bounds the attributes of a resource, scope, span, point or log
// record.
const maxAttributes = 1000

// readAttributes appends the KeyValues with a field number in a message.
func readAttributes(dst []attribute, b []byte, number protowire.Number) ([]attribute, error) {
	from := len(dst)
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n != number || f.Type != protowire.BytesType {
			return nil
		}
		if len(dst)-from == maxAttributes {
			return fmt.Errorf("%w: more than %d attributes", piped.ErrWire, maxAttributes)
		}
		a, err := readKeyValue(f.Bytes)
		dst = append(dst, a)
		return err
	})
	return dst, err
}

func readKeyValue(b []byte) (a attribute, err error) {
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if f.Type == protowire.BytesType {
			switch n {
			case 1:
				a.key = piped.Text(f.Bytes)
			case 2:
				a.value = f.Bytes
			}
		}
		return nil
	})
	return a, err
}

// find is the attribute of a key, or nil.
func find(list []attribute, key string) *attribute {
	for i := range list {
		if list[i].key == key {
			return &list[i]
		}
	}
	return nil
}

// value decodes an AnyValue. Lists and maps live as long as rec.
func (s *scratch) value(rec *pipeline.Record, b []byte, depth int) (v pipeline.Value, err error) {
	if err := s.one(); err != nil {
		return v, err
	}
	if depth > pipeline.MaxDepth {
		return v, fmt.Errorf("%w: values nested deeper than %d", piped.ErrWire, pipeline.MaxDepth)
	}
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		var err error
		switch {
		case n == 1 && f.Type == protowire.BytesType:
			v = pipeline.StringOf(piped.Text(f.Bytes))
		case n == 2 && f.Type == protowire.VarintType:
			v = pipeline.BoolOf(f.Number != 0)
		case n == 3 && f.Type == protowire.VarintType:
			v = pipeline.IntOf(int64(f.Number))
		case n == 4 && f.Type == protowire.Fixed64Type:
			v = pipeline.FloatOf(math.Float64frombits(f.Number))
		case n == 5 && f.Type == protowire.BytesType:
			v, err = s.array(rec, f.Bytes, depth)
		case n == 6 && f.Type == protowire.BytesType:
			v, err = s.object(rec, f.Bytes, 1, depth)
		case n == 7 && f.Type == protowire.BytesType:
			v = pipeline.StringOf(base64.StdEncoding.EncodeToString(f.Bytes))
		}
		return err
	})
	return v, err
}

// one counts a value of the current record.
func (s *scratch) one() error {
	if s.count++; s.count > pipeline.MaxValues {
		return fmt.Errorf("%w: more than %d values in a record", piped.ErrWire, pipeline.MaxValues)
	}
	return nil
}

func (s *scratch) array(rec *pipeline.Record, b []byte, depth int) (pipeline.Value, error) {
	from := len(s.stack)
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n != 1 || f.Type != protowire.BytesType {
			return nil
		}
		v, err := s.value(rec, f.Bytes, depth+1)
		s.stack = append(s.stack, pipeline.Member{Value: v})
		return err
	})
	return pipeline.ListOf(s.pop(rec, from)), err
}

// object makes a map of the KeyValues with a field number in a message; of a
// key that comes twice the last value counts.
func (s *scratch) object(rec *pipeline.Record, b []byte, number protowire.Number, depth int) (pipeline.Value, error) {
	from := len(s.stack)
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n != number || f.Type != protowire.BytesType {
			return nil
		}
		if len(s.stack)-from == maxAttributes {
			return fmt.Errorf("%w: more than %d attributes", piped.ErrWire, maxAttributes)
		}
		a, err := readKeyValue(f.Bytes)
		if err != nil {
			return err
		}
		v, err := s.value(rec, a.value, depth+1)
		if err != nil {
			return err
		}
		for i := from; i < len(s.stack); i++ {
			if s.stack[i].Name == a.key {
				s.stack[i].Value = v
				return nil
			}
		}
		s.stack = append(s.stack, pipeline.Member{Name: a.key, Value: v})
		return nil
	})
	return pipeline.MapOf(s.pop(rec, from)), err
}

func (s *scratch) pop(rec *pipeline.Record, from int) []pipeline.Member {
	m := rec.Members(s.stack[from:])
	s.stack = s.stack[:from]
	return m
}

// objectOf makes a map of attributes.
func (s *scratch) objectOf(rec *pipeline.Record, list []attribute) (pipeline.Value, error) {
	from := len(s.stack)
	for i := range list {
		v, err := s.value(rec, list[i].value, 1)
		if err != nil {
			return v, err
		}
		s.stack = append(s.stack, pipeline.Member{Name: list[i].key, Value: v})
	}
	return pipeline.MapOf(s.pop(rec, from)), nil
}

// scoped reads what stands around the items of all signals: resource and
// scopes. each is called with the items of one scope.
func (s *scratch) scoped(body []byte, each func(c *around, scopeItems []byte) error) error {
	return piped.Fields(body, func(n protowire.Number, f piped.Wire) error {
		if n != 1 || f.Type != protowire.BytesType {
			return nil
		}
		c := around{}
		s.resource = s.resource[:0]
		// The resource comes first, as every encoder writes it, but need not.
		err := piped.Fields(f.Bytes, func(n protowire.Number, f piped.Wire) (err error) {
			switch {
			case f.Type != protowire.BytesType:
			case n == 1:
				s.resource, err = readAttributes(s.resource, f.Bytes, 1)
			case n == 3:
				c.resourceSchema = piped.Text(f.Bytes)
			}
			return err
		})
		if err != nil {
			return err
		}
		return piped.Fields(f.Bytes, func(n protowire.Number, f piped.Wire) error {
			if n != 2 || f.Type != protowire.BytesType {
				return nil
			}
			if err := s.readScope(&c, f.Bytes); err != nil {
				return err
			}
			return each(&c, f.Bytes)
		})
	})
}

// around is what stands around an item; attributes are in the scratch.
type around struct {
	resourceSchema, scopeName, scopeVersion, scopeSchema string
}

func (s *scratch) readScope(c *around, b []byte) error {
	s.scope = s.scope[:0]
	c.scopeName, c.scopeVersion, c.scopeSchema = "", "", ""
	return piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 3 && f.Type == protowire.BytesType:
			c.scopeSchema = piped.Text(f.Bytes)
		case n == 1 && f.Type == protowire.BytesType:
			scope := f.Bytes
			err := piped.Fields(scope, func(n protowire.Number, f piped.Wire) error {
				switch {
				case n == 1 && f.Type == protowire.BytesType:
					c.scopeName = piped.Text(f.Bytes)
				case n == 2 && f.Type == protowire.BytesType:
					c.scopeVersion = piped.Text(f.Bytes)
				}
				return nil
			})
			if err != nil {
				return err
			}
			s.scope, err = readAttributes(s.scope, scope, 3)
			return err
		}
		return nil
	})
}
