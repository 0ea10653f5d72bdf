package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"tarn/lp"
)

// chunkBytes is how much line protocol goes into one request: well below the
// server's limit, and enough that a round trip costs little.
const chunkBytes = 4 << 20

func newWrite() *cobra.Command {
	c := &client{}
	var file, precision string
	var partial, noSync, noProgress bool
	cmd := &cobra.Command{
		Use: "write [LINE-PROTOCOL]", Aliases: []string{"w"}, Short: "Write line protocol",
		Long: `Write line protocol: the argument, a file, or what comes from standard input.

  tarn write -d home 'home,room=kitchen temp=21.5'
  tarn write -d telegraf --file metrics.lp
  zcat old.lp.gz | tarn write -d telegraf --precision s`,
		Args: wrapArgs(cobra.MaximumNArgs(1)),
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "file to write; - is standard input")
	f.StringVarP(&precision, "precision", "p", "auto", "unit of the time stamps: auto, ns, us, ms, s")
	f.BoolVar(&partial, "accept-partial", true, "keep the good lines when some are bad")
	f.BoolVar(&noSync, "no-sync", false, "do not wait until the rows are on disk")
	f.BoolVar(&noProgress, "no-progress", false, "no progress bar")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		if len(args) > 0 && file != "" {
			return &usageError{errors.New("give the lines as an argument or with --file, not both")}
		}
		in, length := cmd.InOrStdin(), int64(-1)
		switch {
		case len(args) > 0:
			in, length = strings.NewReader(args[0]), int64(len(args[0]))
			noProgress = true
		case file != "" && file != "-":
			f, err := os.Open(file)
			if err != nil {
				return fmt.Errorf("--file: %w", err)
			}
			defer f.Close()
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				length = info.Size()
			}
			in = f
		case file == "" && isTerminal(in):
			return &usageError{errors.New("no lines: give them as an argument, with --file or on standard input")}
		}
		bar := progressbar.DefaultBytesSilent(length)
		if !noProgress && isTerminal(cmd.ErrOrStderr()) {
			bar = progressbar.DefaultBytes(length, "writing")
		}
		w := &lineWriter{client: c, cmd: cmd, progress: func(n int) { _ = bar.Add(n) }, query: url.Values{
			"db": {c.database}, "precision": {precision},
			"accept_partial": {fmt.Sprint(partial)}, "no_sync": {fmt.Sprint(noSync)},
		}}
		err := w.copy(in)
		_ = bar.Finish()
		if err != nil {
			return err
		}
		return say(cmd, "success")
	}
	return cmd
}

// lineWriter cuts line protocol into requests at the ends of lines, also where
// a string has newlines.
type lineWriter struct {
	client   *client
	cmd      *cobra.Command
	query    url.Values
	progress func(bytes int)

	chunk  bytes.Buffer
	first  int // physical number of the chunk's first line
	at     int // physical number of the line that the chunk ends in
	packed bytes.Buffer
}

func (w *lineWriter) copy(in io.Reader) error {
	d := lp.NewDecoder(in)
	for d.Next() {
		// Bad lines go along: the server is the one to judge, and to say where.
		number, raw := d.Line().Number, d.Line().Raw
		if w.chunk.Len() > 0 && w.chunk.Len()+len(raw) >= chunkBytes {
			if err := w.send(); err != nil {
				return err
			}
		}
		if w.chunk.Len() == 0 {
			w.first, w.at = number, number
		}
		// Left-out lines stay as blank ones, so that the server's line numbers
		// are those of the input.
		for ; w.at < number; w.at++ {
			w.chunk.WriteByte('\n')
		}
		w.chunk.Write(raw)
		w.at += bytes.Count(raw, []byte{'\n'})
	}
	if err := d.Err(); err != nil {
		return fmt.Errorf("read the lines: %w", err)
	}
	if w.chunk.Len() == 0 {
		return nil
	}
	return w.send()
}

func (w *lineWriter) send() error {
	w.packed.Reset()
	z, err := gzip.NewWriterLevel(&w.packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(w.chunk.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	err = w.client.writeLines(w.cmd.Context(), w.query, &w.packed, w.first-1)
	if err == nil {
		w.progress(w.chunk.Len() + 1)
	}
	w.chunk.Reset()
	return err
}
