package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"tarn/edge/humantime"
)

// Spec is a parsed trigger specification (spec/processing-engine.md section
// 2.1).
type Spec struct {
	kind  kind
	table string // of kindWAL; empty for all
	path  string // of kindRequest
	every time.Duration
	cron  string
	next  func(time.Time) time.Time // of kindSchedule
}

// SpecError is a specification that makes no sense.
type SpecError struct{ msg string }

func (e *SpecError) Error() string { return e.msg }

// ParseSpec reads a specification.
func ParseSpec(text string) (Spec, error) {
	s, context := parseSpec(strings.TrimSpace(text))
	if context == "" {
		return s, nil
	}
	return s, &SpecError{"failed to parse trigger from " + text + ": " + context}
}

func parseSpec(text string) (s Spec, problem string) {
	form, rest, _ := strings.Cut(text, ":")
	rest = strings.TrimSpace(rest)
	switch {
	case text == "all_tables":
		return Spec{kind: kindWAL}, ""
	case form == "table":
		if rest == "" {
			return s, "table name is empty"
		}
		return Spec{kind: kindWAL, table: rest}, ""
	case form == "request" && rest != "":
		return Spec{kind: kindRequest, path: rest}, ""
	case form == "every":
		d, err := humantime.Parse(rest)
		if err != nil || d < time.Millisecond {
			return s, "couldn't parse to duration"
		}
		if d > 31557600*time.Second {
			return s, "don't support every schedules of over 1 year"
		}
		return Spec{kind: kindSchedule, every: d, next: func(t time.Time) time.Time {
			ms, step := t.UnixMilli(), d.Milliseconds()
			return time.UnixMilli((ms/step + 1) * step).UTC()
		}}, ""
	case form == "cron":
		schedule, err := parseCron(rest)
		if err != nil {
			return s, err.Error()
		}
		return Spec{kind: kindSchedule, cron: rest, next: schedule.Next}, ""
	}
	return s, "expect one of the following forms: 'table:<TABLE_NAME>', 'all_tables', 'cron:<CRON_EXPRESSION>', 'every:<DURATION>', or 'request:<PATH>'"
}

// String is the JSON that system.processing_engine_triggers shows.
func (s Spec) String() string {
	var v any
	switch {
	case s.kind == kindWAL && s.table == "":
		v = "all_tables_wal_write"
	case s.kind == kindWAL:
		v = map[string]any{"single_table_wal_write": map[string]string{"table_name": s.table}}
	case s.kind == kindRequest:
		v = map[string]any{"request_path": map[string]string{"path": s.path}}
	case s.every > 0:
		v = map[string]any{"every": map[string]any{"duration": struct {
			Secs  int64 `json:"secs"`
			Nanos int64 `json:"nanos"`
		}{int64(s.every / time.Second), int64(s.every % time.Second)}}}
	default:
		v = map[string]any{"schedule": map[string]string{"schedule": s.cron}}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a specification that is no JSON: " + err.Error())
	}
	return string(text)
}

var cronParser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// parseCron reads six fields; weekdays are 0-7 with both ends Sunday, names may
// be whole. Unlike in classic cron, day of month and day of week must both
// match.
func parseCron(text string) (*cron.SpecSchedule, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 && !(len(fields) == 1 && strings.HasPrefix(text, "@")) {
		return nil, fmt.Errorf("expected 6 fields (second minute hour day-of-month month day-of-week), found %d", len(fields))
	}
	if strings.Contains(text, "TZ=") {
		return nil, errors.New("schedules are in UTC")
	}
	if len(fields) == 6 {
		fields[4] = shortNames(fields[4])
		var err error
		if fields[5], err = weekdays(shortNames(fields[5])); err != nil {
			return nil, err
		}
		text = strings.Join(fields, " ")
	}
	parsed, err := cronParser.Parse(text)
	if err != nil {
		return nil, err
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("use every: for intervals")
	}
	const starBit = 1 << 63 // how the library notes "*": then both days must match
	schedule.Dom |= starBit
	schedule.Location = time.UTC
	return schedule, nil
}

// shortNames cuts names of months and days to the three letters that the
// library knows.
func shortNames(field string) string {
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for word := range strings.SplitSeq(field, ",") {
			parts := strings.Split(word, "-")
			for i, p := range parts {
				name, step, _ := strings.Cut(p, "/")
				for _, full := range []string{"january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december",
					"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
					if strings.EqualFold(name, full) {
						parts[i] = name[:3]
						if step != "" {
							parts[i] += "/" + step
						}
					}
				}
			}
			if !yield(strings.Join(parts, "-")) {
				return
			}
		}
	}), ",")
}

// weekdays writes out the parts with a 7, which the library does not know.
func weekdays(field string) (string, error) {
	var out []string
	for part := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		if from != "7" && to != "7" {
			out = append(out, part)
			continue
		}
		step := 1
		first, err := strconv.Atoi(from)
		if stepped && err == nil {
			step, err = strconv.Atoi(stepText)
		}
		if !ranged {
			first = 7
		}
		if err != nil || step < 1 || step > 7 || first < 0 || first > 7 {
			return "", fmt.Errorf("a weekday cannot be %q", part)
		}
		for d := first; d <= 7; d += step {
			out = append(out, strconv.Itoa(d%7))
		}
	}
	return strings.Join(out, ","), nil
}
