package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	tokens := func() *Tokens { return m.store.Tokens() }
	restart := func() {
		m.must(m.store.Close(ctx))
		m.store = nil
		m.mustOpen()
	}
	if _, _, err := tokens().Regenerate(ctx, -1); !errors.Is(err, ErrNoAdminToken) {
		t.Errorf("regenerated nothing: %v", err)
	}
	admin, adminText, err := tokens().Create(ctx, AdminToken, time.Time{}, -1)
	m.must(err)
	if !strings.HasPrefix(adminText, TokenPrefix) || len(adminText) != len(TokenPrefix)+86 {
		t.Errorf("token text %q", adminText)
	}
	named, namedText, err := tokens().Create(ctx, "named", m.now().Add(time.Hour), int64(admin.ID))
	m.must(err)
	var exists *TokenExistsError
	if _, _, err := tokens().Create(ctx, "named", time.Time{}, -1); !errors.As(err, &exists) {
		t.Errorf("a name taken twice: %v", err)
	}
	restart()
	valid := func(when, text string, want bool) {
		t.Helper()
		if _, ok := tokens().Check(text); ok != want {
			t.Errorf("%s: valid is %v", when, ok)
		}
	}
	valid("operator", adminText, true)
	valid("named", namedText, true)
	valid("empty", "", false)
	valid("one character more", adminText+"A", false)
	m.clock.Add(int64(time.Hour))
	valid("expired", namedText, false)

	again, newText, err := tokens().Regenerate(ctx, int64(admin.ID))
	m.must(err)
	if again.ID != admin.ID || again.UpdatedAt != m.now().UnixMilli() {
		t.Errorf("regenerated %+v", again)
	}
	restart()
	valid("the old text", adminText, false)
	valid("the new text", newText, true)

	byName := func(name string) func(Token) bool { return func(k Token) bool { return k.Name == name } }
	if err := tokens().Delete(ctx, byName(AdminToken)); !errors.Is(err, ErrOperatorToken) {
		t.Errorf("delete the operator token: %v", err)
	}
	m.must(tokens().Delete(ctx, func(k Token) bool { return k.ID == named.ID }))
	if err := tokens().Delete(ctx, byName("named")); !errors.Is(err, ErrTokenNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	restart()
	if list := tokens().List(); len(list) != 1 || list[0].Name != AdminToken {
		t.Errorf("tokens %+v", list)
	}
}
