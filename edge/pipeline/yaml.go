package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a pipeline's text.
const (
	// MaxText is its size in bytes.
	MaxText = 64 << 10
	// maxYAMLDepth is how deep its lists and mappings may be nested.
	maxYAMLDepth = 16
)

// TextError is a pipeline's text that is wrong.
type TextError struct {
	// Line is the offending line, from 1; 0 is the text as a whole.
	Line int
	Msg  string
}

func (e *TextError) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
}

func textErrorf(line int, format string, args ...any) error {
	return &TextError{line, fmt.Sprintf(format, args...)}
}

// node is a YAML value with its line.
type node struct {
	line  int
	value Value // of a scalar; a string, number, boolean or null
	text  string
	list  []*node // of a list, when isList
	pairs []pair  // of a mapping, when isMap

	isList, isMap bool
}

type pair struct {
	key   string
	line  int
	value *node
}

// parseYAML reads a text with one document. Anchors, aliases, merge keys and
// tags are refused: nothing in a pipeline needs them, and aliases could make a
// small text large.
func parseYAML(text string) (*node, error) {
	if len(text) > MaxText {
		return nil, textErrorf(0, "the pipeline has %d bytes, the most is %d", len(text), MaxText)
	}
	if err := shallow(text); err != nil {
		return nil, err
	}
	f, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		var at interface {
			GetMessage() string
			GetToken() *token.Token
		}
		if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
			return nil, textErrorf(at.GetToken().Position.Line, "invalid YAML: %s", at.GetMessage())
		}
		return nil, textErrorf(0, "invalid YAML: %v", err)
	}
	var root *node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if root != nil {
			return nil, textErrorf(lineOf(d.Body), "more than one YAML document")
		}
		if root, err = convert(d.Body, 0); err != nil {
			return nil, err
		}
	}
	if root == nil {
		return nil, textErrorf(0, "the pipeline is empty")
	}
	return root, nil
}

// maxOpen is how many levels a text may seem to open. It is a multiple of
// maxYAMLDepth because brackets in strings count, too.
const maxOpen = 500

// shallow refuses texts that would make the YAML parser, which calls itself
// for each level, go deep: by brackets, or by indicators in one line. (By
// indentation MaxText is bound enough.)
func shallow(text string) error {
	line, open := 0, 0
	for l := range strings.Lines(text) {
		line++
		indicators := 0
		for i, c := range []byte(l) {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			case '-', '?', ':':
				if i+1 < len(l) && (l[i+1] == ' ' || l[i+1] == '\t') {
					indicators++
				}
			}
			if open+indicators > maxOpen {
				return textErrorf(line, "too many brackets")
			}
		}
	}
	return nil
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func convert(n ast.Node, depth int) (*node, error) {
	out := &node{line: lineOf(n)}
	if depth > maxYAMLDepth {
		return nil, textErrorf(out.line, "nested deeper than %d", maxYAMLDepth)
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		out.text, out.value = n.Value, StringOf(n.Value)
	case *ast.LiteralNode:
		out.text, out.value = n.Value.Value, StringOf(n.Value.Value)
	case *ast.IntegerNode:
		out.text = n.Token.Value
		switch v := n.Value.(type) {
		case int64:
			out.value = IntOf(v)
		case uint64:
			out.value = UintOf(v)
		default:
			return nil, textErrorf(out.line, "the integer %s is out of range", out.text)
		}
	case *ast.FloatNode:
		out.text, out.value = n.Token.Value, FloatOf(n.Value)
	case *ast.BoolNode:
		out.text, out.value = n.Token.Value, BoolOf(n.Value)
	case *ast.SequenceNode:
		out.isList = true
		for _, item := range n.Values {
			c, err := convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.list = append(out.list, c)
		}
	case *ast.MappingNode:
		out.isMap = true
		for _, p := range n.Values {
			if err := out.add(p, depth); err != nil {
				return nil, err
			}
		}
	case *ast.MappingValueNode:
		out.isMap = true
		if err := out.add(n, depth); err != nil {
			return nil, err
		}
	case nil:
	default:
		return nil, textErrorf(out.line, "%s is not supported in a pipeline", strings.ToLower(n.Type().String()))
	}
	return out, nil
}

func (n *node) add(p *ast.MappingValueNode, depth int) error {
	if p.Key == nil {
		return textErrorf(n.line, "a key is missing")
	}
	key, err := convert(p.Key, depth+1)
	if err != nil {
		return err
	}
	if key.isList || key.isMap {
		return textErrorf(key.line, "a key must be a string")
	}
	for _, have := range n.pairs {
		if have.key == key.text {
			return textErrorf(key.line, "%s comes twice", key.text)
		}
	}
	value := &node{line: key.line}
	if p.Value != nil {
		if value, err = convert(p.Value, depth+1); err != nil {
			return err
		}
	}
	// A mapping's own token is its first colon.
	if len(n.pairs) == 0 && (n.line == 0 || key.line < n.line) {
		n.line = key.line
	}
	n.pairs = append(n.pairs, pair{key.text, key.line, value})
	return nil
}

// isNull says whether nothing was written.
func (n *node) isNull() bool { return !n.isList && !n.isMap && n.value.kind == Null }

// isScalar says whether it is a string, number or boolean.
func (n *node) isScalar() bool { return !n.isList && !n.isMap && n.value.kind != Null }
