package main

import (
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

func showTokens() *cobra.Command {
	return showQuery("tokens", "List the tokens", "SELECT * FROM system.tokens ORDER BY token_id", func(c *client) error {
		c.database = "_internal"
		return nil
	})
}
