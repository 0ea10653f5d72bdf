package sql

// tokenKind classifies tokens.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokIdent            // unquoted, text lower-cased
	tokQuoted           // "..." with the quotes off
	tokString           // '...' with the quotes off
	tokNumber
	tokParam // $name, text without the $
	tokTQL   // TQL ... inside of parentheses, the text of it
	tokOp    // punctuation and operators
)

// token is one lexical unit. src is its text as written.
type token struct {
	kind tokenKind
	text string
	src  string
	pos  int
}

// reserved words cannot be bare aliases or unquoted column names (spec 3.6).
var reserved = wordSet("select", "from", "where", "group", "by", "having", "order", "limit", "offset", "union", "intersect", "except",
	"join", "inner", "left", "right", "full", "cross", "natural", "on", "using", "and", "or", "not", "case", "when", "then", "else", "end",
	"cast", "with", "as", "distinct", "all", "in", "is", "null", "between", "like", "ilike", "exists", "window", "qualify", "fetch",
	"true", "false")

func wordSet(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}
