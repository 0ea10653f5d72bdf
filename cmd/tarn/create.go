package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func newCreate() *cobra.Command {
	return verb("create", "Create a database, a table, a cache, a trigger or a token", createDatabase(), createTable(), createLastCache(), createDistinctCache(), createTrigger(), createToken())
}

func createDatabase() *cobra.Command {
	c := &client{}
	var retention string
	cmd := &cobra.Command{Use: "database NAME", Short: "Create a database", Args: one}
	c.flags(cmd)
	cmd.Flags().StringVar(&retention, "retention-period", "", "how long to keep data, such as 7d (default for ever)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := map[string]any{"db": args[0]}
		if retention != "" && retention != "none" {
			body["retention_period"] = retention
		}
		if err := c.call(cmd.Context(), http.MethodPost, configure+"/database", nil, body); err != nil {
			return err
		}
		return say(cmd, "Database %q created successfully", args[0])
	}
	return cmd
}

func createTable() *cobra.Command {
	c := &client{}
	var tags, fields []string
	var retention string
	cmd := &cobra.Command{
		Use: "table NAME", Short: "Create a table", Args: one,
		Long: "Create a table. Writes create tables too; this is for those that must be there before.\n\n" +
			"  tarn create table -d home room --tags floor,name --fields temp:float64,open:bool",
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().StringSliceVar(&tags, "tags", nil, "tag columns, in the order of the series key")
	cmd.Flags().StringSliceVarP(&fields, "fields", "f", nil, "field columns, NAME:TYPE; types are utf8, int64, uint64, float64, bool")
	cmd.Flags().StringVar(&retention, "retention-period", "", "how long to keep data, such as 7d (default as the database does)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		type field struct {
			Name string `json:"name"`
			Type string `json:"type"`
		}
		list := []field{}
		for _, f := range fields {
			// The last colon: names may have some.
			i := strings.LastIndexByte(f, ':')
			if i <= 0 {
				return &usageError{fmt.Errorf("--fields wants NAME:TYPE, not %q", f)}
			}
			list = append(list, field{f[:i], f[i+1:]})
		}
		if tags == nil {
			tags = []string{}
		}
		body := map[string]any{"db": c.database, "table": args[0], "tags": tags, "fields": list}
		if retention != "" && retention != "none" {
			body["retention_period"] = retention
		}
		if err := c.call(cmd.Context(), http.MethodPost, configure+"/table", nil, body); err != nil {
			return err
		}
		return say(cmd, "Table %q.%q created successfully", c.database, args[0])
	}
	return cmd
}
