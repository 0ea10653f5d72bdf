package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// cacheVerb is what the commands about one kind of cache share.
type cacheVerb struct {
	client
	path  string // below configure, and the command's name
	title string
	table string
}

var (
	lastCache     = cacheVerb{path: "last_cache", title: "Last-value cache"}
	distinctCache = cacheVerb{path: "distinct_cache", title: "Distinct-value cache"}
)

func (v *cacheVerb) flags(cmd *cobra.Command) {
	v.client.flags(cmd)
	v.databaseFlag(cmd)
	cmd.Flags().StringVarP(&v.table, "table", "t", "", "table of the cache")
}

func (v *cacheVerb) check() error {
	if err := v.needDatabase(); err != nil {
		return err
	}
	if v.table == "" {
		return &usageError{fmt.Errorf("which table? use --table NAME")}
	}
	return nil
}

// create sends a definition and says what the cache is called.
func (v *cacheVerb) create(cmd *cobra.Command, args []string, body map[string]any) error {
	if err := v.check(); err != nil {
		return err
	}
	body["db"], body["table"] = v.database, v.table
	if len(args) == 1 {
		body["name"] = args[0]
	}
	answer, err := v.fetch(cmd.Context(), http.MethodPost, configure+"/"+v.path, nil, body)
	if err != nil {
		return err
	}
	if len(answer) == 0 {
		return say(cmd, "%s of table %q.%q was there already, with the same definition", v.title, v.database, v.table)
	}
	var made struct {
		Batch struct {
			Database struct {
				Ops []map[string]struct {
					Name      string `json:"name"`
					CacheName string `json:"cache_name"`
				} `json:"ops"`
			}
		} `json:"catalog_batch"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	for _, op := range made.Batch.Database.Ops {
		for _, c := range op {
			return say(cmd, "%s %q of table %q.%q created successfully", v.title, c.Name+c.CacheName, v.database, v.table)
		}
	}
	return fmt.Errorf("the server's answer names no cache: %s", answer)
}

// seconds is a duration flag as the API counts it.
func seconds(flag string, d time.Duration) (int64, error) {
	if d < time.Second {
		return 0, &usageError{fmt.Errorf("--%s must be at least a second", flag)}
	}
	return int64(d / time.Second), nil
}

// optional takes no or one argument: the name of a cache may be left out.
func optional(cmd *cobra.Command, args []string) error {
	return wrapArgs(cobra.MaximumNArgs(1))(cmd, args)
}

func createLastCache() *cobra.Command {
	v := lastCache
	var keys, values []string
	var count uint
	ttl := 4 * time.Hour
	cmd := &cobra.Command{
		Use: "last_cache [NAME]", Short: "Create a last-value cache", Args: optional,
		Long: `Create a cache of the newest rows of each key of a table, for queries that read no
file. It gets what is written from now on.

  tarn create last_cache -d home -t room --key-columns name --value-columns temp,hum
  tarn query -d home "SELECT * FROM last_cache('room') WHERE name = 'kitchen'"`,
	}
	v.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&keys, "key-columns", nil, "tags, and fields of type int64, uint64, bool or utf8 (default all tags)")
	f.StringSliceVar(&values, "value-columns", nil, "columns to keep beside the key and time (default all others, also later ones)")
	f.UintVar(&count, "count", 1, "rows to keep of each key")
	f.Var(span{&ttl}, "ttl", "how long a row is kept after it came")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		n, err := seconds("ttl", ttl)
		if err != nil {
			return err
		}
		body := map[string]any{"count": count, "ttl": n}
		if cmd.Flags().Changed("key-columns") {
			body["key_columns"] = keys
		}
		if cmd.Flags().Changed("value-columns") {
			body["value_columns"] = values
		}
		return v.create(cmd, args, body)
	}
	return cmd
}

func createDistinctCache() *cobra.Command {
	v := distinctCache
	var columns []string
	var cardinality uint
	age := 24 * time.Hour
	cmd := &cobra.Command{
		Use: "distinct_cache [NAME]", Short: "Create a distinct-value cache", Args: optional,
		Long: `Create a cache of the distinct combinations of values that some columns of a table
have, for queries that read no file. It gets what is written from now on.

  tarn create distinct_cache -d home -t room --columns floor,name
  tarn query -d home "SELECT name FROM distinct_cache('room') WHERE floor = '1'"`,
	}
	v.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&columns, "columns", nil, "tags and utf8 fields, the outermost level first")
	f.UintVar(&cardinality, "max-cardinality", 100_000, "combinations to keep; the oldest go first")
	f.Var(span{&age}, "max-age", "how long a combination is kept after the time of its newest row")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(columns) == 0 {
			return &usageError{fmt.Errorf("which columns? use --columns A,B")}
		}
		n, err := seconds("max-age", age)
		if err != nil {
			return err
		}
		return v.create(cmd, args, map[string]any{"columns": columns, "max_cardinality": cardinality, "max_age": n})
	}
	return cmd
}

// remove is the command that deletes a cache.
func (v cacheVerb) remove(short string) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: v.path + " NAME", Short: short, Args: one}
	v.flags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := v.check(); err != nil {
			return err
		}
		if err := confirm(cmd, yes, fmt.Sprintf("%s %q of table %q.%q will be gone.", v.title, args[0], v.database, v.table)); err != nil {
			return err
		}
		q := url.Values{"db": {v.database}, "table": {v.table}, "name": {args[0]}}
		if err := v.call(cmd.Context(), http.MethodDelete, configure+"/"+v.path, q, nil); err != nil {
			return err
		}
		return say(cmd, "%s %q deleted successfully", v.title, args[0])
	}
	return cmd
}

func deleteLastCache() *cobra.Command { return lastCache.remove("Delete a last-value cache") }

func deleteDistinctCache() *cobra.Command {
	return distinctCache.remove("Delete a distinct-value cache")
}
