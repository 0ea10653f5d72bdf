package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"tarn/edge/humantime"
)

// environmentName is the variable that stands for a flag.
func environmentName(flag string) string {
	return "TARN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fillFlags gives every flag that the command line did not set its value from
// the environment or, after that, from the TOML file. Keys of the file are flag
// names. Unknown keys are errors: a setting that is misspelt must not be
// ignored in silence.
func fillFlags(flags *pflag.FlagSet, file string) error {
	settings := map[string]any{}
	if file != "" {
		if _, err := toml.DecodeFile(file, &settings); err != nil {
			return fmt.Errorf("read the configuration %s: %w", file, err)
		}
	}
	var errs []error
	for name, value := range settings {
		f := flags.Lookup(name)
		if f == nil || name == "config" || name == "help" {
			errs = append(errs, fmt.Errorf("%s: there is no setting %q", file, name))
			continue
		}
		if _, fromEnv := os.LookupEnv(environmentName(name)); f.Changed || fromEnv {
			continue
		}
		if err := setFromFile(f, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", file, name, err))
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(environmentName(f.Name))
		if !ok || f.Changed || f.Name == "help" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", environmentName(f.Name), err))
		}
	})
	// Maps have no order; a person should see the same message every time.
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func setFromFile(f *pflag.Flag, value any) error {
	if list, ok := value.([]any); ok {
		parts := make([]string, len(list))
		for i, v := range list {
			parts[i] = fmt.Sprint(v)
		}
		if s, ok := f.Value.(pflag.SliceValue); ok {
			return s.Replace(parts)
		}
		return f.Value.Set(strings.Join(parts, ","))
	}
	if _, ok := value.(map[string]any); ok {
		return errors.New("a table where a value is wanted")
	}
	return f.Value.Set(fmt.Sprint(value))
}

// size is a number of bytes on the command line: "64MB", "64MiB", "1048576".
type size struct{ n *int64 }

func (s size) String() string {
	if s.n == nil || *s.n == 0 {
		return ""
	}
	return strings.ReplaceAll(humanize.IBytes(uint64(*s.n)), " ", "")
}

func (s size) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<62 {
		return fmt.Errorf("want a size such as 64MB, not %q", text)
	}
	*s.n = int64(n)
	return nil
}

func (size) Type() string { return "size" }

// span is a duration as people write it: "6h", "7d", "1d12h".
type span struct{ d *time.Duration }

func (s span) String() string {
	if s.d == nil {
		return ""
	}
	return humantime.Format(*s.d)
}

func (s span) Set(text string) (err error) {
	*s.d, err = humantime.Parse(text)
	return err
}

func (span) Type() string { return "duration" }
