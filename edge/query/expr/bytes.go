package expr

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
	"unicode/utf8"

	"tarn/store/column"
)

// bytesFunctions are the hashes and codings of spec/sql.md section 9.5.
//
// There is no type for bytes: they are shown as hex text, as clients see them.
// Calls that give bytes are marked, so that encode takes the bytes of
// encode(sha256(x), 'base64') and not their text; and the bytes of decode
// become the text that they are where text is wanted (asText). A column of a
// subquery is unmarked: its bytes are hex text.
func bytesFunctions() map[string]function {
	const s = column.String
	m := map[string]function{
		"digest": {2, 2, func(name string, args []Expr) (Expr, error) {
			return bindBytes(name, args, digestKernel)
		}},
		"encode": {2, 2, func(name string, args []Expr) (Expr, error) {
			args[0] = rawBytes(args[0])
			return fixed(s, encodeKernel, s, s).bind(name, args)
		}},
		"decode": {2, 2, func(name string, args []Expr) (Expr, error) {
			return bindBytes(name, args, decodeKernel)
		}},
	}
	for name := range digests {
		m[name] = function{1, 1, func(name string, args []Expr) (Expr, error) {
			args, err := convertArgs(name, args, []column.Kind{s})
			if err != nil {
				return nil, err
			}
			c := newNode(name, append(args, NewLiteral(String(name))), column.Of(s), digestKernel)
			c.bytes = name != "md5" // whose result is text
			return c, nil
		}}
	}
	return m
}

// bindBytes binds a function of two texts that gives bytes.
func bindBytes(name string, args []Expr, run kernel) (Expr, error) {
	args, err := convertArgs(name, args, []column.Kind{column.String, column.String})
	if err != nil {
		return nil, err
	}
	c := newNode(name, args, column.Of(column.String), run)
	c.bytes = true
	return c, nil
}

// rawBytes is e, or if its values are hex text of bytes, the bytes.
func rawBytes(e Expr) Expr {
	c, ok := e.(*Call)
	if !ok || !c.bytes {
		return e
	}
	return newNode("bytes", []Expr{c}, c.t, unhexKernel(false))
}

// asText is e, or if its values are the bytes that decode gives, the text that
// they are. It is used wherever an operand is to be text: only a result shows
// bytes as hex.
func asText(e Expr) Expr {
	c, ok := e.(*Call)
	if !ok || !c.bytes || c.Name != "decode" {
		return e
	}
	return newNode("text", []Expr{c}, c.t, unhexKernel(true))
}

func unhexKernel(text bool) kernel {
	return built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
		x := ctx.textSlot(args[0])
		var in []byte
		return func(dst []byte, i int) ([]byte, error) {
			from := len(dst)
			in = append(in[:0], x.at(i)...)
			dst, err := hex.AppendDecode(dst, in)
			if err != nil {
				return nil, executionError("Failed to decode value using hex: %v", err)
			}
			if text && !utf8.Valid(dst[from:]) {
				return nil, arrowError("Cast error: the decoded bytes %s are not UTF-8 text", x.at(i))
			}
			return dst, nil
		}
	})
}

// digests are the hash functions by name.
var digests = map[string]func() hash.Hash{"md5": md5.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// digestKernel keeps the hash and its buffers from row to row.
var digestKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	x, names := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	var h hash.Hash
	var last string
	var in, sum []byte
	return func(dst []byte, i int) ([]byte, error) {
		if name := names.at(i); h == nil || name != last {
			algorithm, ok := digests[strings.ToLower(name)]
			if !ok {
				return nil, planError("There is no built-in digest algorithm named '%s', currently supported algorithms are: md5, sha224, sha256, sha384, sha512", name)
			}
			h, last = algorithm(), name
		}
		h.Reset()
		in = append(in[:0], x.at(i)...)
		h.Write(in) // never fails
		sum = h.Sum(sum[:0])
		return hex.AppendEncode(dst, sum), nil
	}
})

func unknownEncoding(name string) error {
	return planError("There is no built-in encoding named '%s', currently supported encodings are: base64, base64pad, hex", name)
}

var encodeKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	x, names := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	var b []byte
	return func(dst []byte, i int) ([]byte, error) {
		b = append(b[:0], x.at(i)...)
		switch strings.ToLower(names.at(i)) {
		case "base64":
			return base64.RawStdEncoding.AppendEncode(dst, b), nil
		case "base64pad":
			return base64.StdEncoding.AppendEncode(dst, b), nil
		case "hex":
			return hex.AppendEncode(dst, b), nil
		}
		return nil, unknownEncoding(names.at(i))
	}
})

// decodeKernel gives the bytes as hex text. Padding of base64 may be missing.
var decodeKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	x, names := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	var in, b []byte
	return func(dst []byte, i int) ([]byte, error) {
		in = append(in[:0], x.at(i)...)
		var err error
		name := strings.ToLower(names.at(i))
		switch name {
		case "base64", "base64pad":
			b, err = base64.RawStdEncoding.AppendDecode(b[:0], bytes.TrimRight(in, "="))
		case "hex":
			b, err = hex.AppendDecode(b[:0], in)
		default:
			return nil, unknownEncoding(names.at(i))
		}
		if err != nil {
			return nil, executionError("Failed to decode value using %s: %v", name, err)
		}
		return hex.AppendEncode(dst, b), nil
	}
})
