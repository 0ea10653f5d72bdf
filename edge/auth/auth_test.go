package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestCredentials(t *testing.T) {
	for _, c := range []struct {
		name, header, query string
		allowQuery          bool
		want                string
		err                 error
	}{
		{"bearer", "Bearer x", "", false, "x", nil},
		{"token", "Token x", "", false, "x", nil},
		{"basic", basic("user:x"), "", false, "x", nil},
		{"basic without a user", basic(":x"), "", false, "x", nil},
		{"basic without a password", basic("user:"), "", false, "", nil},
		{"no header", "", "", false, "", ErrUnauthenticated},
		{"the parameter where it counts", "", "p=x", true, "x", nil},
		{"the parameter before the header", "Bearer y", "u=any&p=x", true, "x", nil},
		{"the parameter before a broken header", "nonsense", "p=x", true, "x", nil},
		{"an encoded parameter", "", "p=a%2Bb", true, "a+b", nil},
		{"an empty parameter", "Bearer y", "p=", true, "", nil},
		{"the parameter where it does not count", "", "p=x", false, "", ErrUnauthenticated},
		{"the header where the parameter is missing", "Bearer y", "u=any", true, "y", nil},
		{"lower case", "bearer x", "", false, "", ErrMalformed},
		{"another scheme", "Digest x", "", false, "", ErrMalformed},
		{"a token alone", "x", "", false, "", ErrMalformed},
		{"a scheme alone", "Bearer", "", false, "", ErrMalformed},
		{"three parts", "Bearer x y", "", false, "", ErrMalformed},
		{"two blanks", "Bearer  x", "", false, "", ErrMalformed},
		{"basic that is not base64", "Basic !", "", false, "", ErrMalformed},
		{"basic in the alphabet of URLs", "Basic " + base64.URLEncoding.EncodeToString([]byte("u:???>>>")), "", false, "", ErrMalformed},
		{"basic without a colon", basic("x"), "", false, "", ErrMalformed},
		{"basic with two colons", basic("u:x:y"), "", false, "", ErrMalformed},
		{"basic that is not UTF-8", basic("u:\xff"), "", false, "", ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/write?"+c.query, nil)
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			got, err := Credentials(r, c.allowQuery)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestWithoutTokens: what is open is so even for a broken header.
func TestWithoutTokens(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/health", nil)
	r.Header.Set("Authorization", "nonsense")
	for name, c := range map[string]struct {
		a    Authenticator
		need Need
	}{
		"checking off":    {Authenticator{Disabled: true}, Token},
		"an open route":   {Authenticator{}, Open},
		"an exempt route": {Authenticator{Exempt: map[Need]bool{Health: true}}, Health},
	} {
		if _, err := c.a.Authenticate(r, c.need); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := Authenticator{Exempt: map[Need]bool{Health: true}}
	if _, err := a.Authenticate(r, Ping); !errors.Is(err, ErrMalformed) {
		t.Errorf("a route that is not exempt: %v", err)
	}
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"Bearer x", "Token x", basic("u:x"), "Basic", "  ", "Basic dTpwOnE="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		got, err := Credentials(r, false)
		switch {
		case err != nil && got != "":
			t.Errorf("%q: a token beside an error: %q", header, got)
		case err == nil && !strings.HasPrefix(header, "Basic ") && !strings.HasSuffix(header, " "+got):
			t.Errorf("%q: the token is %q", header, got)
		}
	})
}
