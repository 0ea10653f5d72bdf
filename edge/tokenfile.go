package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tarn/store"
)

// tokenFile is the content of --admin-token-file (spec section 1.6).
type tokenFile struct {
	Token       string  `json:"token"`
	Name        string  `json:"name"`
	Expiry      *int64  `json:"expiry_millis"`
	Description *string `json:"description"`
}

// installToken stores the token of --admin-token-file unless one of its name
// exists.
func (a *Appliance) installToken(ctx context.Context) error {
	path := a.config.AdminTokenFile
	if path == "" || a.config.WithoutAuth {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("--admin-token-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		a.logger.Warn("the admin token file can be read by others", "path", path, "mode", info.Mode().Perm().String())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--admin-token-file: %w", err)
	}
	var f tokenFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("--admin-token-file %s: %w", path, err)
	}
	if !strings.HasPrefix(f.Token, store.TokenPrefix) {
		return fmt.Errorf("--admin-token-file %s: the token must start with %s", path, store.TokenPrefix)
	}
	if f.Name == "" {
		f.Name = store.AdminToken
	}
	var expires time.Time
	if f.Expiry != nil {
		expires = time.UnixMilli(*f.Expiry)
	}
	description := ""
	if f.Description != nil {
		description = *f.Description
	}
	_, err = a.store.Tokens().Add(ctx, f.Name, f.Token, expires, description, -1)
	var exists *store.TokenExistsError
	if errors.As(err, &exists) {
		return nil
	}
	return err
}
