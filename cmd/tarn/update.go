package main

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"
)

func newUpdate() *cobra.Command {
	return verb("update", "Change a database", updateDatabase())
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
