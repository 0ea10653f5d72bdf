package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	var stream []byte
	stream = appendFrame(stream, []byte(`{"op":"a"}`), nil)
	stream = appendFrame(stream, []byte(`{}`), []byte("a body \x00"))
	r := bytes.NewReader(stream)
	for _, want := range [][2]string{{`{"op":"a"}`, ""}, {`{}`, "a body \x00"}} {
		message, blob, err := readFrame(r)
		if err != nil || string(message) != want[0] || string(blob) != want[1] {
			t.Errorf("got %q, %q, %v; want %q", message, blob, err, want)
		}
	}
	if _, _, err := readFrame(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	for name, bad := range map[string]string{
		"too long":                 "\xff\xff\xff\xff\x00\x00\x00\x00\x02{}",
		"too short":                "\x00\x00\x00\x01\x00\x00\x00\x00\x02{}",
		"another codec":            "\x00\x00\x00\x07\x07\x00\x00\x00\x02{}",
		"a message past the frame": "\x00\x00\x00\x07\x00\x00\x00\x00\x03{}",
		"cut off":                  "\x00\x00\x00\x07\x00\x00\x00\x00\x02{",
	} {
		if _, _, err := readFrame(strings.NewReader(bad)); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, []byte(`{"op":"done","inv":1,"writes":[[null,"a b=1"]]}`), []byte("x")))
	f.Add([]byte("\x00\x00\x00\x07\x00\x00\x00\x00\x03{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		message, blob, err := readFrame(bytes.NewReader(data))
		if err != nil {
			return
		}
		if again := appendFrame(nil, message, blob); !bytes.Equal(again, data[:len(again)]) {
			t.Errorf("%x was read as %x", data, again)
		}
		var m frameMessage
		if json.Unmarshal(message, &m) == nil {
			_ = outcomeOf(m, blob)
		}
	})
}

type frameMessage = message

func TestFloatsStayFloats(t *testing.T) {
	for f, want := range map[float64]string{2: "2.0", -0.5: "-0.5", 1e22: "1e+22", 1e300: "1e+300", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", math.MaxFloat64: "1.7976931348623157e+308"} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
	if got := string(appendFloat(nil, math.NaN())) + string(appendFloat(nil, math.Copysign(0, -1))); got != "NaN-0.0" {
		t.Error(got)
	}
}

func TestParameters(t *testing.T) {
	for _, c := range []struct {
		in   [2]string
		want any
	}{
		{[2]string{"n", ""}, nil}, {[2]string{"b", "1"}, true}, {[2]string{"i", "-9223372036854775808"}, int64(math.MinInt64)},
		{[2]string{"i", "18446744073709551615"}, uint64(math.MaxUint64)}, {[2]string{"f", "1e-07"}, 1e-7}, {[2]string{"f", "inf"}, math.Inf(1)}, {[2]string{"s", "x"}, "x"},
	} {
		if got, err := parameter(c.in); err != nil || got != c.want {
			t.Errorf("%q: %v, %v", c.in, got, err)
		}
	}
	for _, bad := range [][2]string{{"i", "18446744073709551616"}, {"x", ""}, {"f", "y"}} {
		if got, err := parameter(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}
