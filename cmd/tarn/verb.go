package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const configure = "/api/v3/configure"

// verb is a command that only groups others.
func verb(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: wrapArgs(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return cmd.Help()
	}}
	cmd.AddCommand(subs...)
	return cmd
}

// one takes exactly one argument.
func one(cmd *cobra.Command, args []string) error { return wrapArgs(cobra.ExactArgs(1))(cmd, args) }

func say(cmd *cobra.Command, format string, args ...any) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
	return err
}
