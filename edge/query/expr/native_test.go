package expr

import "testing"

func TestJSONPath(t *testing.T) {
	const text = `{"a":{"b":[1,{"c":"x"}],"d.e":2},"":3}`
	for path, want := range map[string]any{"a.b[1].c": "x", "$.a.b[1].c": "x", `a["d.e"]`: "2", "a.b[0]": "1", "a.b[2]": nil, "a.x": nil, "a.b.c": nil, "a.b[": nil} {
		v, ok := jsonPath(text, path)
		got := any(nil)
		if ok {
			switch v := v.(type) {
			case string:
				got = v
			case interface{ String() string }:
				got = v.String()
			}
		}
		if got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if _, ok := jsonPath("no json", ""); ok {
		t.Error("no JSON has a value")
	}
}

// FuzzJSONPath: any text and path is read or not, and nothing worse.
func FuzzJSONPath(f *testing.F) {
	f.Add(`{"a":[1]}`, "a[0]")
	f.Add(`[]`, "$[")
	f.Fuzz(func(_ *testing.T, text, path string) {
		_, _ = jsonPath(text, path)
	})
}
