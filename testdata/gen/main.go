// Command gen writes a Telegraf-shaped line-protocol file for benchmarks: several
// tables, floats beside integers, strings, booleans and (-unsigned) unsigned numbers,
// escapes in names, tags and strings, and some late lines. Half of the gateways round
// their times to the interval, half send jittered nanoseconds. No string holds a
// newline: it would be legal, but VictoriaMetrics refuses it.
//
//	go run ./testdata/gen > telegraf-mix.lp
//
// The TSBS cpu-only set holds small integers alone, which delta coding likes far
// better than real telemetry; a number measured on that set means little without
// one measured on this. The same flags give the same bytes on every machine of an
// architecture (between them the last digits of floats may differ: fused multiply-add).
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// config is the shape of the file to write.
type config struct {
	hosts    int
	start    time.Time
	duration time.Duration
	interval time.Duration
	late     float64 // fraction of each host's rounds that arrive late
	unsigned bool
	seed     uint64
}

func run(args []string, w io.Writer) error {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	var c config
	flags.IntVar(&c.hosts, "hosts", 20, "reporting gateways")
	flags.DurationVar(&c.duration, "duration", 2*time.Hour, "time covered")
	flags.DurationVar(&c.interval, "interval", 10*time.Second, "time between a gateway's reports")
	flags.Float64Var(&c.late, "late", 0.01, "`fraction` of reports that arrive a few rounds late")
	flags.BoolVar(&c.unsigned, "unsigned", false, "write counters as unsigned integers (InfluxDB 1 refuses them by default)")
	flags.Uint64Var(&c.seed, "seed", 1, "seed of everything random")
	start := flags.String("start", "2026-01-01T00:00:00Z", "first report, RFC 3339")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if c.start, err = time.Parse(time.RFC3339, *start); err != nil {
		return fmt.Errorf("-start: %w", err)
	}
	if c.hosts < 1 || c.interval <= 0 || c.duration < c.interval {
		return errors.New("want at least one host and a duration of at least one positive interval")
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if err := generate(c, out); err != nil {
		return err
	}
	return out.Flush()
}

// lateRounds is how far behind a late report arrives.
const lateRounds = 7

// generate writes the rounds in order; within one, each gateway reports once.
func generate(c config, w io.Writer) error {
	random := rand.New(rand.NewPCG(c.seed, 0))
	gateways := make([]*gateway, c.hosts)
	for i := range gateways {
		gateways[i] = newGateway(i, c.unsigned, random)
	}
	type heldReport struct {
		due  int
		text []byte
	}
	var held []heldReport // in the order they fall due

	rounds := int(c.duration / c.interval)
	for round := range rounds {
		at := c.start.Add(time.Duration(round) * c.interval)
		for _, g := range gateways {
			report := g.report(at, c.interval)
			if random.Float64() < c.late {
				held = append(held, heldReport{round + lateRounds, report})
				continue
			}
			if _, err := w.Write(report); err != nil {
				return err
			}
		}
		for len(held) > 0 && (held[0].due <= round || round == rounds-1) {
			if _, err := w.Write(held[0].text); err != nil {
				return err
			}
			held = held[1:]
		}
	}
	return nil
}
