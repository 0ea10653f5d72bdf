package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client talks to a server. Its flags and their environment variables are
// those of influxdb3.
type client struct {
	host, token, database, tlsCA string
	http                         *http.Client
}

// firstEnv is the first of some variables that is set, else otherwise.
func firstEnv(otherwise string, names ...string) string {
	for _, n := range names {
		v := os.Getenv(n)
		if v != "" {
			return v
		}
	}
	return otherwise
}

// flags adds the flags that every client verb has.
func (c *client) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.host, "host", "H", firstEnv("http://127.0.0.1:8181", "TARN_HOST", "INFLUXDB3_HOST_URL"), "address of the server (TARN_HOST)")
	f.StringVar(&c.token, "token", "", "token (TARN_TOKEN)")
	f.StringVar(&c.tlsCA, "tls-ca", firstEnv("", "TARN_TLS_CA", "INFLUXDB3_TLS_CA"), "certificate authority to trust, PEM (TARN_TLS_CA)")
}

func (c *client) databaseFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.database, "database", "d", firstEnv("", "TARN_DATABASE", "INFLUXDB3_DATABASE_NAME"), "database (TARN_DATABASE)")
}

func (c *client) needDatabase() error {
	if c.database == "" {
		return &usageError{errors.New("which database? use --database NAME or set TARN_DATABASE")}
	}
	return nil
}

// statusError is an answer that is not a success.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// do sends a request and returns its successful answer, whose body the caller
// closes.
func (c *client) do(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	return c.send(ctx, method, path, query, http.Header{"Content-Type": {contentType}}, body, 0)
}

// writeLines writes gzipped line protocol; skipped is the number of lines of
// the input that came before it.
func (c *client) writeLines(ctx context.Context, query url.Values, body io.Reader, skipped int) error {
	resp, err := c.send(ctx, http.MethodPost, "/api/v3/write_lp", query, http.Header{"Content-Encoding": {"gzip"}}, body, skipped)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *client) send(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader, skipped int) (*http.Response, error) {
	if err := c.connect(); err != nil {
		return nil, err
	}
	target := strings.TrimRight(c.host, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("--host %s: %w", c.host, err)
	}
	for name, values := range header {
		if values[0] != "" {
			r.Header[name] = values
		}
	}
	if token := cmp.Or(c.token, firstEnv("", "TARN_TOKEN", "INFLUXDB3_AUTH_TOKEN")); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("cannot reach a server at %s: %w (is `tarn serve` running?)", c.host, errors.Unwrap(err))
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return nil, &statusError{resp.StatusCode, explainStatus(resp.StatusCode, text, skipped)}
}

func (c *client) connect() error {
	if c.http != nil {
		return nil
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 10 * time.Minute}
	if c.tlsCA != "" {
		pem, err := os.ReadFile(c.tlsCA)
		if err != nil {
			return fmt.Errorf("--tls-ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("--tls-ca %s: there is no certificate in it", c.tlsCA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	c.http = &http.Client{Transport: transport}
	return nil
}

// badLine is one line that a write refused.
type badLine struct {
	Message  string `json:"error_message"`
	Line     int    `json:"line_number"`
	Original string `json:"original_line"`
}

// explainStatus turns an error's body into a message for a person. skipped is
// added to line numbers.
func explainStatus(status int, body []byte, skipped int) string {
	var parsed struct {
		Error   string          `json:"error"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	text := strings.TrimSpace(string(body))
	if json.Unmarshal(body, &parsed) == nil {
		text = cmp.Or(parsed.Error, parsed.Message, text)
		var lines []badLine
		var line badLine
		if len(parsed.Data) > 0 && json.Unmarshal(parsed.Data, &lines) != nil && json.Unmarshal(parsed.Data, &line) == nil {
			lines = []badLine{line}
		}
		const most = 10
		for i, l := range lines {
			if i == most {
				text += fmt.Sprintf("\n  and %d more", len(lines)-most)
				break
			}
			text += fmt.Sprintf("\n  line %d: %s: %s", l.Line+skipped, l.Message, l.Original)
		}
	}
	if status == http.StatusUnauthorized {
		text += "\n  give a token with --token or TARN_TOKEN; `tarn create token --admin` makes the first one"
	}
	return cmp.Or(text, fmt.Sprintf("the server answered %d %s", status, http.StatusText(status)))
}

// call sends a JSON body, if there is one, and throws the answer away.
func (c *client) call(ctx context.Context, method, path string, query url.Values, body any) error {
	_, err := c.fetch(ctx, method, path, query, body)
	return err
}

// fetch is call that returns the answer.
func (c *client) fetch(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	var reader io.Reader
	contentType := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader, contentType = bytes.NewReader(data), "application/json"
	}
	resp, err := c.do(ctx, method, path, query, contentType, reader)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func newPing() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use: "ping", Short: "Ask a server whether it is there", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := c.fetch(cmd.Context(), http.MethodGet, "/ping", nil, nil)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(string(answer)))
			return err
		},
	}
	c.flags(cmd)
	return cmd
}
