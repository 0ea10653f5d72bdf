package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPlan: whatever parses can be planned against the example tables, or is
// refused with an error of a class.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			continue // the seeds that fuzzing kept
		}
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(data), "\n\n") {
			if head, text, ok := strings.Cut(block, "\n"); ok && strings.HasPrefix(head, "query") {
				text, _, _ = strings.Cut(text, "\n----")
				f.Add(text)
			}
		}
	}
	e := New(examples(f), Options{Now: clock})
	f.Fuzz(func(t *testing.T, text string) {
		st, err := e.plan(context.Background(), Request{Database: "db", Text: text, Language: SQL}, clock().UnixNano(), nil)
		if err == nil {
			if st.Plan == nil || len(st.Plan.Columns()) == 0 && !strings.Contains(strings.ToUpper(text), "EXCLUDE") && !strings.Contains(strings.ToUpper(text), "EXCEPT") {
				t.Fatalf("%q: a plan without columns", text)
			}
			return
		}
		var known *Error
		if err = classify(err); !errors.As(err, &known) {
			t.Fatalf("%q: an error without a class: %v", text, err)
		}
	})
}
