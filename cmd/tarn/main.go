// Command tarn is the whole appliance in one binary: `tarn serve` runs the
// server, the other verbs talk to one. The verbs are influxdb3's, so that
// habits carry over.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is what clients see; those of InfluxDB look for the leading 3.
const version = "3.7.0-tarn.0.1"

// revision is the commit, set by the linker.
var revision = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "tarn:", err)
	var usage *usageError
	// cobra has no type for the one mistake that it finds before ours.
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		os.Exit(2)
	}
	var held *lockedError
	if errors.As(err, &held) {
		os.Exit(3)
	}
	os.Exit(1)
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tarn",
		Short: "A time-series database for the edge",
		Long: `Tarn keeps time series on a small machine: line protocol comes in over the
InfluxDB v1, v2 and v3 APIs, SQL goes out, Parquet files stay.

  tarn serve --data-dir ./data --without-auth
  tarn write -d home 'home,room=kitchen temp=21.5'
  tarn query -d home 'SELECT * FROM home'`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	root.AddCommand(newServe(), newWrite(), newQuery(), newPing(), newCreate(), newDelete(), newShow(), newUpdate(), newService(), newSync(), newLake(), newVersion())
	root.AddCommand(newEnable(), newDisable(), newTest(), newInstall())
	root.AddCommand(newDoctor(), newExport(), newBackup(), newRestore())
	root.AddCommand(newTop(), newStatus())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version, revision and platform", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tarn %s, revision %s, %s, %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// noArgs and exactly are cobra's checks with the exit code of a wrong command
// line.
func noArgs(cmd *cobra.Command, args []string) error { return wrapArgs(cobra.NoArgs)(cmd, args) }

func wrapArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}
