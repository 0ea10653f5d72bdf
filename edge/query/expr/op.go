package expr

// Op is an operator.
type Op uint8

// The binary operators, then the unary ones.
const (
	Add Op = iota
	Sub
	Mul
	Div
	Mod
	Concat
	BitAnd
	BitOr
	BitXor
	ShiftLeft
	ShiftRight
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	And
	Or
	// Xor is the logical one on booleans and BitXor on integers.
	Xor
	// Distinct is IS DISTINCT FROM: inequality that treats nulls as equal.
	Distinct
	NotDistinct
	// Match is ~, a regular expression found anywhere; MatchFold is ~*, the
	// same without regard to case.
	Match
	MatchFold
	NotMatch
	NotMatchFold

	Neg
	Plus
	Not
	IsNull
	IsNotNull
	IsTrue
	IsNotTrue
	IsFalse
	IsNotFalse
	IsUnknown
	IsNotUnknown
)

var opTexts = [...]string{
	Add: "+", Sub: "-", Mul: "*", Div: "/", Mod: "%", Concat: "||",
	BitAnd: "&", BitOr: "|", BitXor: "BIT_XOR", ShiftLeft: "<<", ShiftRight: ">>",
	Eq: "=", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">=",
	And: "AND", Or: "OR", Xor: "XOR", Distinct: "IS DISTINCT FROM", NotDistinct: "IS NOT DISTINCT FROM",
	Match: "~", MatchFold: "~*", NotMatch: "!~", NotMatchFold: "!~*",
	Neg: "-", Plus: "+", Not: "NOT", IsNull: "IS NULL", IsNotNull: "IS NOT NULL",
	IsTrue: "IS TRUE", IsNotTrue: "IS NOT TRUE", IsFalse: "IS FALSE", IsNotFalse: "IS NOT FALSE",
	IsUnknown: "IS UNKNOWN", IsNotUnknown: "IS NOT UNKNOWN",
}

// String is the operator's canonical text.
func (o Op) String() string { return opTexts[o] }

// IsComparison says whether o compares two values by order or equality, nulls
// giving null.
func (o Op) IsComparison() bool { return o >= Eq && o <= Ge }

// Swapped is the comparison with its operands exchanged: a < b is b > a.
func (o Op) Swapped() Op {
	switch o {
	case Lt:
		return Gt
	case Le:
		return Ge
	case Gt:
		return Lt
	case Ge:
		return Le
	}
	return o
}

// Negated is the comparison that is true where o is false and the reverse;
// nulls stay null.
func (o Op) Negated() (Op, bool) {
	switch o {
	case Eq:
		return Ne, true
	case Ne:
		return Eq, true
	case Lt:
		return Ge, true
	case Le:
		return Gt, true
	case Gt:
		return Le, true
	case Ge:
		return Lt, true
	case Distinct:
		return NotDistinct, true
	case NotDistinct:
		return Distinct, true
	}
	return o, false
}
