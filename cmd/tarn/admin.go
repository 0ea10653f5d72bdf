package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tarn/edge/humantime"
	"tarn/store"
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

func newCreate() *cobra.Command {
	return verb("create", "Create a database, a table or a token", createDatabase(), createTable(), createToken())
}

func createDatabase() *cobra.Command {
	c := &client{}
	var retention string
	cmd := &cobra.Command{Use: "database NAME", Short: "Create a database", Args: one}
	c.flags(cmd)
	cmd.Flags().StringVar(&retention, "retention-period", "", "how long to keep data, such as 7d (default for ever)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := map[string]any{"db": args[0]}
		if retention != "" && retention != "none" {
			body["retention_period"] = retention
		}
		if err := c.call(cmd.Context(), http.MethodPost, configure+"/database", nil, body); err != nil {
			return err
		}
		return say(cmd, "Database %q created successfully", args[0])
	}
	return cmd
}

func createTable() *cobra.Command {
	c := &client{}
	var tags, fields []string
	cmd := &cobra.Command{
		Use: "table NAME", Short: "Create a table", Args: one,
		Long: "Create a table. Writes create tables too; this is for those that must be there before.\n\n" +
			"  tarn create table -d home room --tags floor,name --fields temp:float64,open:bool",
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().StringSliceVar(&tags, "tags", nil, "tag columns, in the order of the series key")
	cmd.Flags().StringSliceVarP(&fields, "fields", "f", nil, "field columns, NAME:TYPE; types are utf8, int64, uint64, float64, bool")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		type field struct {
			Name string `json:"name"`
			Type string `json:"type"`
		}
		list := []field{}
		for _, f := range fields {
			// The last colon: names may have some.
			i := strings.LastIndexByte(f, ':')
			if i <= 0 {
				return &usageError{fmt.Errorf("--fields wants NAME:TYPE, not %q", f)}
			}
			list = append(list, field{f[:i], f[i+1:]})
		}
		if tags == nil {
			tags = []string{}
		}
		body := map[string]any{"db": c.database, "table": args[0], "tags": tags, "fields": list}
		if err := c.call(cmd.Context(), http.MethodPost, configure+"/table", nil, body); err != nil {
			return err
		}
		return say(cmd, "Table %q.%q created successfully", c.database, args[0])
	}
	return cmd
}

// tokenAnswer is what the server says of a new token.
type tokenAnswer struct {
	Name   string  `json:"name"`
	Token  string  `json:"token"`
	Hash   string  `json:"hash"`
	Expiry *string `json:"expiry"`
}

func createToken() *cobra.Command {
	c := &client{}
	var admin, regenerate, offline, yes bool
	var name, expiry, format, output string
	cmd := &cobra.Command{
		Use: "token --admin", Short: "Create or replace an admin token", Args: noArgs,
		Long: `Create an admin token. The first one, _admin, needs no token but a request from
the server's own machine; further ones have a --name.

  tarn create token --admin
  tarn create token --admin --name grafana --expiry 90d --token "$TARN_TOKEN"
  tarn create token --admin --offline --output-file token.json`,
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&admin, "admin", false, "an admin token (the only kind there is)")
	f.BoolVar(&regenerate, "regenerate", false, "replace the token _admin; the old one ends at once")
	f.StringVar(&name, "name", "", "name of a further token")
	f.StringVar(&expiry, "expiry", "", "when the token ends, such as 90d (default never)")
	f.StringVar(&format, "format", "text", "text or json")
	f.BoolVar(&offline, "offline", false, "make a file for serve --admin-token-file, without a server")
	f.StringVar(&output, "output-file", "", "the file of --offline")
	f.BoolVar(&yes, "yes", false, "do not ask before replacing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !admin:
			return &usageError{errors.New("say --admin: every token is an admin token")}
		case offline != (output != ""):
			return &usageError{errors.New("--offline and --output-file go together")}
		case format != "text" && format != "json":
			return &usageError{fmt.Errorf("--format must be text or json, not %q", format)}
		case expiry != "" && name == "":
			return &usageError{errors.New("--expiry is for tokens with a --name")}
		}
		var lifetime time.Duration
		if expiry != "" {
			var err error
			if lifetime, err = humantime.Parse(expiry); err != nil {
				return &usageError{fmt.Errorf("--expiry: %w", err)}
			}
		}
		if offline {
			return offlineToken(cmd, output, name, lifetime)
		}
		path, body := configure+"/token/admin", map[string]any(nil)
		switch {
		case regenerate:
			if err := confirm(cmd, yes, "The current admin token stops working at once."); err != nil {
				return err
			}
			path += "/regenerate"
		case name != "":
			path, body = configure+"/token/named_admin", map[string]any{"token_name": name}
			if lifetime > 0 {
				body["expiry_secs"] = int64(lifetime / time.Second)
			}
		}
		var send any
		if body != nil {
			send = body
		}
		answer, err := c.fetch(cmd.Context(), http.MethodPost, path, nil, send)
		if err != nil {
			return err
		}
		if format == "json" {
			return say(cmd, "%s", strings.TrimSpace(string(answer)))
		}
		var t tokenAnswer
		if err := json.Unmarshal(answer, &t); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return say(cmd, "New token created successfully!\n\nToken: %s\nHTTP requests header: Authorization: Bearer %s\n\nKeep it safe: it is not shown again.", t.Token, t.Token)
	}
	return cmd
}

// offlineToken writes a file for --admin-token-file (spec section 1.6).
func offlineToken(cmd *cobra.Command, path, name string, lifetime time.Duration) error {
	secret := make([]byte, 64)
	_, _ = rand.Read(secret) // never fails
	file := map[string]any{"token": store.TokenPrefix + base64.RawURLEncoding.EncodeToString(secret), "name": store.AdminToken, "expiry_millis": nil, "description": nil}
	if name != "" {
		file["name"] = name
	}
	if lifetime > 0 {
		file["expiry_millis"] = time.Now().Add(lifetime).UnixMilli()
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	// A token that is overwritten may still be in use somewhere: refuse.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--output-file: %w", err)
	}
	if _, err = f.Write(append(data, '\n')); errors.Join(err, f.Close()) != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return say(cmd, "Token written to %s", path)
}

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
	return verb("delete", "Delete a database, a table or a token", deleteDatabase(), deleteTable(), deleteToken())
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

func deleteToken() *cobra.Command {
	c := &client{}
	var name string
	var yes bool
	cmd := &cobra.Command{Use: "token --token-name NAME", Short: "Revoke a token", Args: noArgs}
	c.flags(cmd)
	cmd.Flags().StringVar(&name, "token-name", "", "name of the token")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if name == "" {
			return &usageError{errors.New("which token? use --token-name NAME")}
		}
		if err := confirm(cmd, yes, fmt.Sprintf("Token %q stops working at once.", name)); err != nil {
			return err
		}
		if err := c.call(cmd.Context(), http.MethodDelete, configure+"/token", url.Values{"token_name": {name}}, nil); err != nil {
			return err
		}
		return say(cmd, "Token %q deleted successfully", name)
	}
	return cmd
}

func newShow() *cobra.Command {
	return verb("show", "Show databases, tables or tokens", showDatabases(), showTables(), showTokens())
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

func showTokens() *cobra.Command {
	return showQuery("tokens", "List the tokens", "SELECT * FROM system.tokens ORDER BY token_id", func(c *client) error {
		c.database = "_internal"
		return nil
	})
}

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
