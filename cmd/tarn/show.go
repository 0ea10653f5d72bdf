package main

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newShow() *cobra.Command {
	return verb("show", "Show databases, tables, plugins or tokens", showDatabases(), showTables(), showPlugins(), showTokens())
}

func showDatabases() *cobra.Command {
	c := &client{}
	var deleted bool
	var format string
	cmd := &cobra.Command{Use: "databases", Short: "List the databases", Args: noArgs}
	c.flags(cmd)
	cmd.Flags().BoolVar(&deleted, "show-deleted", false, "list soft-deleted ones too")
	cmd.Flags().StringVar(&format, "format", "pretty", "pretty, json, jsonl or csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"format": {format}}
		if deleted {
			q.Set("show_deleted", "true")
		}
		answer, err := c.fetch(cmd.Context(), http.MethodGet, configure+"/database", q, nil)
		if err != nil {
			return err
		}
		return say(cmd, "%s", strings.TrimRight(string(answer), "\n"))
	}
	return cmd
}

// showQuery is a listing that a SQL query makes.
func showQuery(use, short, query string, database func(*client) error) *cobra.Command {
	c := &client{}
	var format string
	cmd := &cobra.Command{Use: use, Short: short, Args: noArgs}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "pretty", "pretty, json, jsonl or csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := database(c); err != nil {
			return err
		}
		answer, err := c.fetch(cmd.Context(), http.MethodPost, "/api/v3/query_sql", nil, map[string]any{"db": c.database, "q": query, "format": format})
		if err != nil {
			return err
		}
		return say(cmd, "%s", strings.TrimRight(string(answer), "\n"))
	}
	return cmd
}

func showTables() *cobra.Command {
	return showQuery("tables", "List the tables of a database",
		"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'iox' ORDER BY table_name", (*client).needDatabase)
}
