//go:build linux

// Command tarn-bench measures what loading line protocol costs a server: wall
// time, CPU seconds, resident memory, device writes and bytes on disk; and how
// long queries take. It drives Tarn and, where they are installed, the databases
// Tarn is compared with.
//
// It reads /proc, so it builds on Linux only. It is a developer's tool and no
// part of the shipped binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `tarn-bench measures what loading line protocol costs a server, and its queries.

  tarn-bench load -url URL -file FILE [-pid PID] [flags]    load one running server
  tarn-bench peers -tarn BINARY [flags] FILE...             start, load and stop Tarn and its peers
  tarn-bench queries -tarn BINARY -file FILE [flags]        compare query times with DuckDB on the same files
  tarn-bench influxql -tarn BINARY -influxd BINARY -file FILE
                                                            compare InfluxQL over HTTP with InfluxDB 1
  tarn-bench prometheus -tarn BINARY                        compare remote write and PromQL with Prometheus and VictoriaMetrics
  tarn-bench growth -tarn BINARY                            how cost grows with hosts, columns and files
  tarn-bench proofs -tarn BINARY [-file FILE] [-only NAMES]
                                                            memory within a control group, many series, a year of data
  tarn-bench size -dir DIR                                  allocated bytes of a directory

"tarn-bench COMMAND -h" lists a command's flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		// The flag package has printed the help that was asked for.
	default:
		fmt.Fprintln(os.Stderr, "tarn-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errors.New("no command")
	}
	switch command, rest := args[0], args[1:]; command {
	case "load":
		return runLoad(ctx, rest)
	case "peers":
		return runPeers(ctx, rest)
	case "queries":
		return runQueries(ctx, rest)
	case "influxql":
		return runInfluxQL(ctx, rest)
	case "prometheus":
		return runPrometheus(ctx, rest)
	case "growth":
		return runGrowth(ctx, rest)
	case "proofs":
		return runProofs(ctx, rest)
	case "size":
		return runSize(rest)
	case "help", "-h", "-help", "--help":
		fmt.Print(usage)
		return nil
	default:
		return fmt.Errorf("unknown command %q (want load, peers, queries, influxql, prometheus, growth, proofs or size)", command)
	}
}
