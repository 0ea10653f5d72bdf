package merge

import (
	"context"
	"strings"

	"tarn/store/schema"
)

// TextTest is what the text of a string field must be for its row to be wanted.
// NULL passes no test.
type TextTest struct {
	Column schema.Column
	// Values are those of which the text must be one; nil means any.
	Values []string
	// Parts are those of which the text must contain one, when there are no
	// Values, and Also what it must contain besides.
	Parts, Also []string

	set map[string]struct{} // of Values, when they are many
}

// NewTextTest returns a test for one of some values, or for any value that has
// one of some parts and all of others, if values is nil.
func NewTextTest(c schema.Column, values, parts, also []string) TextTest {
	t := TextTest{Column: c, Values: values, Parts: parts, Also: also}
	const few = 8
	if len(values) > few {
		t.set = make(map[string]struct{}, len(values))
		for _, v := range values {
			t.set[v] = struct{}{}
		}
	}
	return t
}

// Passes says whether a text does.
func (t *TextTest) Passes(s string) bool {
	switch {
	case t.set != nil:
		_, ok := t.set[s]
		return ok
	case t.Values != nil:
		for _, v := range t.Values {
			if v == s {
				return true
			}
		}
		return false
	}
	for _, p := range t.Parts {
		if strings.Contains(s, p) {
			return t.HasAlso(s)
		}
	}
	return false
}

// HasAlso says whether a text contains all of Also.
func (t *TextTest) HasAlso(s string) bool {
	for _, p := range t.Also {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// Range is rows [From, To) of a source.
type Range struct{ From, To int }

// Searcher is a Source that can tell where texts are for less than it takes to
// read them.
type Searcher interface {
	Source
	// Rules says whether the rows from row up to some other one, which comes
	// after it, cannot pass all tests, for all that is known without reading
	// them. It looks no further than it has to.
	Rules(ctx context.Context, tests []TextTest, row int) (to int, out bool, err error)
	// Search appends ranges of the rows [from, to) to dst that have all that
	// pass the tests, and few others. They ascend.
	Search(ctx context.Context, dst []Range, tests []TextTest, from, to int) ([]Range, error)
}
