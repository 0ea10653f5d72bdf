package store

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store/catalog"
)

// AdminToken is the name of the operator token, which cannot be deleted.
const AdminToken = "_admin"

// TokenPrefix begins every token (spec section 1.4).
const TokenPrefix = "apiv3_"

// Errors of token administration.
var (
	// ErrTokenNotFound means that no such token exists.
	ErrTokenNotFound = errors.New("the requested resource was not found")
	// ErrNoAdminToken means that there is no operator token to regenerate.
	ErrNoAdminToken = errors.New("missing admin token, cannot update")
	// ErrOperatorToken refuses to delete the operator token.
	ErrOperatorToken = errors.New("cannot delete operator token")
)

// TokenExistsError means that a token's name is taken.
type TokenExistsError struct{ Name string }

func (e *TokenExistsError) Error() string { return "token name already exists, " + e.Name }

// Token is one API token; of its text only the SHA-512 is known.
type Token = catalog.Token

// Tokens are the API tokens of a store: in memory for checking, in the catalog
// for keeps.
type Tokens struct {
	catalog *catalog.Catalog
	now     func() time.Time
	mu      sync.Mutex
	list    atomic.Pointer[[]Token] // by ID
	next    uint64
}

func newTokens(c *catalog.Catalog, list []Token, now func() time.Time) *Tokens {
	t := &Tokens{catalog: c, now: now}
	t.list.Store(&list)
	for _, k := range list {
		t.next = max(t.next, k.ID+1)
	}
	return t
}

// List returns the tokens by ID. It must not be modified.
func (t *Tokens) List() []Token { return *t.list.Load() }

// Check finds the valid token with this text. It compares with every token in
// constant time, so that the time it takes says nothing about the hashes.
func (t *Tokens) Check(text string) (Token, bool) {
	hash := sha512.Sum512([]byte(text))
	now := t.now().UnixMilli()
	found := -1
	list := *t.list.Load()
	for i := range list {
		if subtle.ConstantTimeCompare(hash[:], list[i].Hash[:]) == 1 && (list[i].ExpiresAt == 0 || list[i].ExpiresAt > now) {
			found = i
		}
	}
	if found < 0 {
		return Token{}, false
	}
	return list[found], true
}

func (t *Tokens) byName(name string) (Token, bool) {
	list := *t.list.Load()
	i := slices.IndexFunc(list, func(k Token) bool { return k.Name == name })
	if i < 0 {
		return Token{}, false
	}
	return list[i], true
}

// NewTokenText makes the text of a token: 64 random bytes behind TokenPrefix.
func NewTokenText() string {
	var b [64]byte
	rand.Read(b[:]) // never fails
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Create makes a token and returns its text, which is not kept. A zero expiry
// means never. createdBy is the ID of the token that asked, -1 for none.
func (t *Tokens) Create(ctx context.Context, name string, expires time.Time, createdBy int64) (Token, string, error) {
	text := NewTokenText()
	k, err := t.Add(ctx, name, text, expires, "", createdBy)
	return k, text, err
}

// Add stores a token whose text is given, as by --admin-token-file.
func (t *Tokens) Add(ctx context.Context, name, text string, expires time.Time, description string, createdBy int64) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byName(name); ok {
		return Token{}, &TokenExistsError{name}
	}
	k := Token{ID: t.next, Name: name, Hash: sha512.Sum512([]byte(text)), Description: description,
		CreatedAt: t.now().UnixMilli(), CreatedBy: createdBy, UpdatedBy: -1}
	if !expires.IsZero() {
		k.ExpiresAt = expires.UnixMilli()
	}
	if err := t.put(ctx, k); err != nil {
		return Token{}, fmt.Errorf("create token %q: %w", name, err)
	}
	t.next++
	return k, nil
}

// Regenerate gives the operator token a new text; the old one is void.
func (t *Tokens) Regenerate(ctx context.Context, by int64) (Token, string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.byName(AdminToken)
	if !ok {
		return Token{}, "", ErrNoAdminToken
	}
	text := NewTokenText()
	k.Hash = sha512.Sum512([]byte(text))
	k.UpdatedAt, k.UpdatedBy = t.now().UnixMilli(), by
	if err := t.put(ctx, k); err != nil {
		return Token{}, "", fmt.Errorf("regenerate token %q: %w", k.Name, err)
	}
	return k, text, nil
}

// Delete removes a token by what picks it.
func (t *Tokens) Delete(ctx context.Context, pick func(Token) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := *t.list.Load()
	i := slices.IndexFunc(list, pick)
	switch {
	case i < 0:
		return ErrTokenNotFound
	case list[i].Name == AdminToken:
		return ErrOperatorToken
	}
	if err := t.catalog.Apply(ctx, catalog.Change{DeleteTokens: []uint64{list[i].ID}}); err != nil {
		return fmt.Errorf("delete token %q: %w", list[i].Name, err)
	}
	rest := slices.Delete(slices.Clone(list), i, i+1)
	t.list.Store(&rest)
	return nil
}

// put stores a token and shows it to Check.
func (t *Tokens) put(ctx context.Context, k Token) error {
	if err := t.catalog.Apply(ctx, catalog.Change{PutTokens: []Token{k}}); err != nil {
		return err
	}
	list := slices.Clone(*t.list.Load())
	if i := slices.IndexFunc(list, func(o Token) bool { return o.ID == k.ID }); i >= 0 {
		list[i] = k
	} else {
		list = append(list, k)
	}
	t.list.Store(&list)
	return nil
}
