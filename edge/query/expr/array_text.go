package expr

import (
	"strings"
	"unicode/utf8"

	"tarn/store/column"
)

// joinKernel is array_to_string(list, delimiter [, null text]): the elements
// as text, those of nested lists too; nulls are left out unless a text stands
// for them.
func joinKernel(column.Type) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		// A null in the third argument is as none.
		strictArgs := args[:2]
		out, some := ctx.result(column.Of(column.String), n, strictArgs...)
		if !some {
			return out, nil
		}
		l, delimiter := listsOf(args[0]), ctx.textSlot(args[1])
		elements, err := elementTexts(ctx, l.items)
		if err != nil {
			return nil, err
		}
		var nulls slot[string]
		if len(args) == 3 && !args[2].allNull() {
			nulls = ctx.textSlot(args[2])
		}
		w := ctx.writer(out)
		for i := range n {
			if !out.Nulls.Get(i) {
				j := joiner{dst: w.buf, delimiter: delimiter.at(i), first: true}
				if nulls.values != nil && !args[2].null(i) {
					j.null, j.hasNull = nulls.at(i), true
				}
				from, to := l.at(i)
				if err := j.add(ctx, l.items, elements, from, to); err != nil {
					return nil, err
				}
				w.buf = j.dst
			}
			if err := w.end(); err != nil {
				return nil, err
			}
		}
		return out, w.finish()
	}
}

// elementTexts is the texts of the innermost elements.
func elementTexts(ctx *Context, items *column.Vector) (*column.Vector, error) {
	for items.Type.Kind == column.List && !IsMap(items.Type) {
		items = items.Children[0]
	}
	if items.Type.Kind == column.Null {
		return items, nil
	}
	return CastVector(ctx, items, column.Of(column.String), false)
}

type joiner struct {
	dst       []byte
	delimiter string
	null      string
	hasNull   bool
	first     bool
}

func (j *joiner) add(ctx *Context, items, texts *column.Vector, from, to int) error {
	nested := items.Type.Kind == column.List && !IsMap(items.Type)
	for k := from; k < to; k++ {
		var err error
		switch null := items.IsNull(k); {
		case null && !j.hasNull:
		case null:
			err = j.text(ctx, j.null)
		case nested:
			err = j.add(ctx, items.Children[0], texts, int(items.Offsets[k]), int(items.Offsets[k+1]))
		default:
			err = j.text(ctx, texts.Text(k))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *joiner) text(ctx *Context, s string) error {
	grown := len(j.dst) + len(s) + len(j.delimiter)
	if grown > maxText {
		return tooMuchText("array_to_string")
	}
	if grown > cap(j.dst) { // as often as the buffer moves, the budget is asked
		if err := ctx.fits(2 * grown); err != nil {
			return err
		}
	}
	if !j.first {
		j.dst = append(j.dst, j.delimiter...)
	}
	j.first = false
	j.dst = append(j.dst, s...)
	return nil
}

// bindSplit is string_to_array(text, delimiter [, null text]). A null
// delimiter splits into characters, an empty one not at all.
func bindSplit(name string, args []Expr) (Expr, error) {
	args, err := convertArgs(name, args, []column.Kind{column.String, column.String, column.String})
	if err != nil {
		return nil, err
	}
	t := column.ListOf(column.Of(column.String))
	return newNode(name, args, t, listRows(t, splitRow)), nil
}

func splitRow(ctx *Context, args []operand) func(*column.Vector, int) (bool, error) {
	s, delimiter := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	var nulls slot[string]
	if len(args) == 3 && !args[2].allNull() {
		nulls = ctx.textSlot(args[2])
	}
	return func(items *column.Vector, i int) (bool, error) {
		if args[0].null(i) {
			return false, nil
		}
		before := items.Len
		add := func(part string) {
			if nulls.values != nil && !args[2].null(i) && part == nulls.at(i) {
				items.AppendNull(1)
				return
			}
			items.Strings = append(items.Strings, part)
			items.Len++
		}
		text := s.at(i)
		switch {
		case args[1].null(i):
			for text != "" {
				_, size := utf8.DecodeRuneInString(text)
				add(text[:size])
				if text = text[size:]; items.Len-before > maxElements {
					return false, tooManyElements("string_to_array")
				}
			}
		case delimiter.at(i) == "":
			add(text)
		default:
			for part := range strings.SplitSeq(text, delimiter.at(i)) {
				if add(part); items.Len-before > maxElements {
					return false, tooManyElements("string_to_array")
				}
			}
		}
		return true, nil
	}
}
