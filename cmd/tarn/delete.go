package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks before something that cannot be undone.
func confirm(cmd *cobra.Command, yes bool, what string) error {
	if yes {
		return nil
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s\nEnter 'yes' to go on: ", what); err != nil {
		return err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		if err != nil && line == "" {
			return errors.New("not confirmed (use --yes where nobody can answer)")
		}
		return errors.New("not confirmed")
	}
	return nil
}

func newDelete() *cobra.Command {
	return verb("delete", "Delete a database, a table, a cache, a trigger or a token", deleteDatabase(), deleteTable(), deleteLastCache(), deleteDistinctCache(), deleteTrigger(), deleteToken())
}

func deleteDatabase() *cobra.Command {
	c := &client{}
	var hard string
	var yes bool
	cmd := &cobra.Command{Use: "database NAME", Short: "Delete a database", Args: one}
	c.flags(cmd)
	cmd.Flags().StringVar(&hard, "hard-delete", "", "when its data goes: never, now, default or a time (RFC 3339)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := confirm(cmd, yes, fmt.Sprintf("Database %q and all its tables will be gone.", args[0])); err != nil {
			return err
		}
		q := url.Values{"db": {args[0]}}
		if hard != "" {
			q.Set("hard_delete_at", hard)
		}
		if err := c.call(cmd.Context(), http.MethodDelete, configure+"/database", q, nil); err != nil {
			return err
		}
		return say(cmd, "Database %q deleted successfully", args[0])
	}
	return cmd
}

func deleteTable() *cobra.Command {
	c := &client{}
	var hard string
	var yes bool
	cmd := &cobra.Command{Use: "table NAME", Short: "Delete a table", Args: one}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().StringVar(&hard, "hard-delete", "", "when its data goes: never, now, default or a time (RFC 3339)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		if err := confirm(cmd, yes, fmt.Sprintf("Table %q of database %q will be gone.", args[0], c.database)); err != nil {
			return err
		}
		q := url.Values{"db": {c.database}, "table": {args[0]}}
		if hard != "" {
			q.Set("hard_delete_at", hard)
		}
		if err := c.call(cmd.Context(), http.MethodDelete, configure+"/table", q, nil); err != nil {
			return err
		}
		return say(cmd, "Table %q.%q deleted successfully", c.database, args[0])
	}
	return cmd
}
