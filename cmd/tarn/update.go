package main

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"
)

func newUpdate() *cobra.Command {
	return verb("update", "Change a database, a table or a plugin", updateDatabase(), updateTable(), updateTrigger())
}

func updateDatabase() *cobra.Command {
	c := &client{}
	var retention string
	cmd := &cobra.Command{Use: "database NAME", Short: "Change how long a database keeps its data", Args: one}
	c.flags(cmd)
	cmd.Flags().StringVarP(&retention, "retention-period", "r", "", "how long to keep data, such as 7d, or none for ever")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := map[string]any{"db": args[0], "retention_period": nil}
		switch retention {
		case "":
			return &usageError{errors.New("nothing to change: use --retention-period")}
		case "none":
		default:
			body["retention_period"] = retention
		}
		if err := c.call(cmd.Context(), http.MethodPut, configure+"/database", nil, body); err != nil {
			return err
		}
		return say(cmd, "Database %q updated successfully", args[0])
	}
	return cmd
}

func updateTable() *cobra.Command {
	c := &client{}
	var retention string
	cmd := &cobra.Command{Use: "table NAME", Short: "Change how long a table keeps its data", Args: one,
		Long: "Change how long a table keeps its data. It goes before what the database says."}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().StringVarP(&retention, "retention-period", "r", "", "how long to keep data, such as 7d, or none to leave it to the database")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		body := map[string]any{"db": c.database, "table": args[0], "retention_period": nil}
		switch retention {
		case "":
			return &usageError{errors.New("nothing to change: use --retention-period")}
		case "none":
		default:
			body["retention_period"] = retention
		}
		if err := c.call(cmd.Context(), http.MethodPut, configure+"/table", nil, body); err != nil {
			return err
		}
		return say(cmd, "Table %q.%q updated successfully", c.database, args[0])
	}
	return cmd
}
