package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

var languages = []string{"sql", "influxql"}

var formats = []string{"pretty", "json", "jsonl", "csv", "parquet"}

func newQuery() *cobra.Command {
	c := &client{}
	var language, format, output, file string
	cmd := &cobra.Command{
		Use: "query [QUERY]", Aliases: []string{"q"}, Short: "Ask a question in SQL or InfluxQL",
		Long: `Ask a question in SQL or InfluxQL. The query is the argument, the content of --file, or what
comes from standard input.

  tarn query -d home "SELECT room, avg(temp) FROM home GROUP BY room"
  tarn query -d home -l influxql "SELECT mean(temp) FROM home GROUP BY time(1h), room"
  tarn query -d home --format csv -o home.csv "SELECT * FROM home"`,
		Args: wrapArgs(cobra.MaximumNArgs(1)),
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&language, "language", "l", "sql", strings.Join(languages, ", "))
	_ = cmd.RegisterFlagCompletionFunc("language", cobra.FixedCompletions(languages, cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&format, "format", "pretty", strings.Join(formats, ", "))
	f.StringVarP(&output, "output", "o", "", "file for the answer, instead of standard output")
	f.StringVarP(&file, "file", "f", "", "file with the query")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !slices.Contains(languages, language):
			return &usageError{fmt.Errorf("--language must be one of %s, not %q", strings.Join(languages, ", "), language)}
		case !slices.Contains(formats, format):
			return &usageError{fmt.Errorf("--format must be one of %s, not %q", strings.Join(formats, ", "), format)}
		case format == "parquet" && output == "":
			return &usageError{errors.New("parquet is not for a screen: name a file with --output")}
		}
		if err := c.needDatabase(); err != nil && language == "sql" { // InfluxQL may name it
			return err
		}
		text, err := inputText(cmd, args, file, "query")
		if err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			return &usageError{errors.New("the query is empty")}
		}
		members := map[string]string{"q": text, "format": format}
		if c.database != "" {
			members["db"] = c.database
		}
		body, err := json.Marshal(members)
		if err != nil {
			return err
		}
		resp, err := c.do(cmd.Context(), http.MethodPost, "/api/v3/query_"+language, nil, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if output == "" {
			out := &lastByte{w: cmd.OutOrStdout()}
			if _, err := io.Copy(out, resp.Body); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			if out.last != '\n' {
				_, err = fmt.Fprintln(cmd.OutOrStdout())
			}
			return err
		}
		return save(output, resp.Body)
	}
	return cmd
}

// lastByte remembers how an answer ended: JSON has no newline, a shell wants
// one.
type lastByte struct {
	w    io.Writer
	last byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.last = p[len(p)-1]
	}
	return l.w.Write(p)
}

// save writes an answer to a file, which is there whole or not at all.
func save(path string, r io.Reader) error {
	tmp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = io.Copy(tmp, r)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// inputText is the argument, a file's content, or standard input.
func inputText(cmd *cobra.Command, args []string, file, what string) (string, error) {
	switch {
	case len(args) > 0 && file != "":
		return "", &usageError{fmt.Errorf("give the %s as an argument or with --file, not both", what)}
	case len(args) > 0:
		return args[0], nil
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("--file: %w", err)
		}
		return string(data), nil
	case isTerminal(cmd.InOrStdin()):
		return "", &usageError{fmt.Errorf("no %s: give it as an argument, with --file or on standard input", what)}
	}
	data, err := io.ReadAll(cmd.InOrStdin())
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	return string(data), nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
