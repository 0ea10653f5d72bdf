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
		w := ctx.writer(n)
		for i := range n {
			if !out.Nulls.Get(i) {
				j := joiner{dst: w.buf, delimiter: delimiter.at(i), first: true}
				if nulls.values != nil && !args[2].null(i) {
					j.null, j.hasNull = nulls.at(i), true
				}
				from, to := l.at(i)
				j.add(l.items, elements, from, to)
				w.buf = j.dst
			}
			w.end()
		}
		w.finish(out)
		return out, nil
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

func (j *joiner) add(items, texts *column.Vector, from, to int) {
	nested := items.Type.Kind == column.List && !IsMap(items.Type)
	for k := from; k < to; k++ {
		switch null := items.IsNull(k); {
		case null && !j.hasNull:
		case null:
			j.text(j.null)
		case nested:
			j.add(items.Children[0], texts, int(items.Offsets[k]), int(items.Offsets[k+1]))
		default:
			j.text(texts.Text(k))
		}
	}
}

func (j *joiner) text(s string) {
	if !j.first {
		j.dst = append(j.dst, j.delimiter...)
	}
	j.first = false
	j.dst = append(j.dst, s...)
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
				text = text[size:]
			}
		case delimiter.at(i) == "":
			add(text)
		default:
			for part := range strings.SplitSeq(text, delimiter.at(i)) {
				add(part)
			}
		}
		return true, nil
	}
}
