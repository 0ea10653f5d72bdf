package influx

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"tarn/edge/query/result"
	"tarn/store"
)

func TestNegotiate(t *testing.T) {
	csv := "csv"
	for _, c := range []struct {
		name   string
		accept []string
		format *string
		want   result.Format
		bad    bool
	}{
		{"nothing", nil, nil, result.JSON, false},
		{"an empty header", []string{""}, nil, result.JSON, false},
		{"one type", []string{"text/csv"}, nil, result.CSV, false},
		{"upper case", []string{"Text/CSV"}, nil, result.CSV, false},
		{"a quality", []string{"text/csv;q=0.1"}, nil, result.CSV, false},
		{"the first known of a list", []string{"image/png, application/vnd.apache.parquet, text/csv"}, nil, result.Parquet, false},
		{"several headers", []string{"image/png", "application/jsonl"}, nil, result.JSONL, false},
		{"a browser's", []string{"text/html,application/xhtml+xml,*/*;q=0.8"}, nil, result.JSON, false},
		{"unknown ones", []string{"image/png, text/weird"}, nil, 0, true},
		{"the parameter before the header", []string{"image/png"}, &csv, result.CSV, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := negotiate(c.accept, c.format)
			if (err != nil) != c.bad || err == nil && got != c.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestHardDelete(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s string) store.HardDelete {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return store.HardDelete{At: v}
	}
	for text, want := range map[string]store.HardDelete{
		"": {}, "default": {}, "never": {Never: true}, "NEVER": {Never: true}, "now": {At: now},
		"2025-12-31T23:59:59Z": at("2025-12-31T23:59:59Z"), "2025-12-31T23:59:59.5+02:00": at("2025-12-31T21:59:59.5Z"),
		"2025-12-31T23:59:59": at("2025-12-31T23:59:59Z"), "2025-12-31 23:59:59": at("2025-12-31T23:59:59Z"), "2025-12-31": at("2025-12-31T00:00:00Z"),
	} {
		got, err := hardDelete(text, now)
		if err != nil || got.Never != want.Never || !got.At.Equal(want.At) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"soon", "2025-13-01", "1735689599", "2025-12-31T23:59:59Zjunk"} {
		if got, err := hardDelete(text, now); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestRetentionDatabase(t *testing.T) {
	for rp, want := range map[string]string{"": "db", "''": "db", "autogen": "db", "default": "db", "week": "db/week", "Autogen": "db/Autogen"} {
		if got := RetentionDatabase("db", rp); got != want {
			t.Errorf("%q: got %q, want %q", rp, got, want)
		}
	}
}

func TestReadParams(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]any
		err        string
	}{
		{"nothing", "", nil, ""},
		{"null", "null", nil, ""},
		{"empty", "{}", map[string]any{}, ""},
		{"every kind", `{"n":null,"b":true,"s":"a\u00e4","i":-9223372036854775808,"u":18446744073709551615,"f":1e3}`,
			map[string]any{"n": nil, "b": true, "s": "aä", "i": json.Number("-9223372036854775808"), "u": json.Number("18446744073709551615"), "f": json.Number("1e3")}, ""},
		{"blanks", " { \"a\" : 1 } ", map[string]any{"a": json.Number("1")}, ""},
		{"array", `{"a":[]}`, nil, "JSON arrays are not supported as query parameters. Expected null, boolean, number, or string."},
		{"object", `{"a":{}}`, nil, "JSON objects are not supported as query parameters. Expected null, boolean, number, or string."},
		{"no object", `"a"`, nil, "serde json error: invalid type: string, expected an object at line 1 column 3"},
		{"something behind", "{}\n x", nil, "serde json error: invalid character 'x' after top-level value at line 2 column 2"},
		{"cut", `{"a":`, nil, "serde json error: unexpected end of JSON input at line 1 column 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readParams(json.RawMessage(c.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != c.err || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, %q", got, text)
			}
		})
	}
}

func FuzzReadParams(f *testing.F) {
	f.Add(`{"a":1,"b":"x","c":null,"d":-1.5e9,"e":[1],"f":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		params, err := readParams(json.RawMessage(text))
		if err != nil {
			return
		}
		for name, v := range params {
			switch v.(type) {
			case nil, bool, string, json.Number:
			default:
				t.Errorf("parameter %q of %q is a %T", name, text, v)
			}
		}
	})
}
