package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tarn/store"
)

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// TestSchemes tries every way to bring a token (spec section 1.1).
func TestSchemes(t *testing.T) {
	s := startServer(t)
	created := s.do(testRequest{method: "POST", target: "/api/v3/configure/token/admin"})
	var answer struct{ Token, Hash string }
	if err := json.Unmarshal(created.body, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Token) != 92 || len(answer.Hash) != 128 {
		t.Errorf("token of %d characters with a hash of %d", len(answer.Token), len(answer.Hash))
	}
	basic := func(text string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
	}
	for _, c := range []struct {
		name   string
		header http.Header
		query  string
		v1, v3 int // status of an endpoint of v1 and one of v3
	}{
		{"none", nil, "", 401, 401},
		{"Bearer", bearer(answer.Token), "", 204, 204},
		{"Token", http.Header{"Authorization": {"Token " + answer.Token}}, "", 204, 204},
		{"Basic", basic("user:" + answer.Token), "", 204, 204},
		{"Basic without a user", basic(":" + answer.Token), "", 204, 204},
		{"Basic with the token as user", basic(answer.Token + ":"), "", 401, 401},
		{"p", nil, "&p=" + answer.Token, 204, 401},
		{"p beside a wrong header", bearer("apiv3_wrong"), "&p=" + answer.Token, 204, 401},
		{"wrong p beside a good header", bearer(answer.Token), "&p=wrong", 401, 204},
		{"the hash instead of the token", bearer(answer.Hash), "", 401, 401},
		{"a token with a blank more", bearer(answer.Token + "x"), "", 401, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			for target, want := range map[string]int{"/write?db=d" + c.query: c.v1, "/api/v3/write_lp?db=d" + c.query: c.v3, "/api/v2/write?bucket=d" + c.query: c.v3} {
				if r := s.do(testRequest{method: "POST", target: target, header: c.header.Clone(), body: []byte("m f=1 1")}); r.StatusCode != want {
					t.Errorf("%s: status %d, want %d", target, r.StatusCode, want)
				}
			}
		})
	}
	s.t = t
}

func tokenFileAt(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAdminTokenFile(t *testing.T) {
	const first, second = store.TokenPrefix + "first", store.TokenPrefix + "second"
	s := startServer(t, func(o *Config) {
		o.AdminTokenFile = tokenFileAt(t, `{"token":"`+first+`","name":"_admin","expiry_millis":null,"description":"from the factory"}`)
	})
	check := func(token string, want int) {
		t.Helper()
		if r := s.do(testRequest{method: "GET", target: "/health", header: bearer(token)}); r.StatusCode != want {
			t.Errorf("%s: status %d, want %d", token, r.StatusCode, want)
		}
	}
	check(first, 200)
	check(second, 401)
	// A token of the name exists: the file changes nothing.
	s.stop()
	s.config.AdminTokenFile = tokenFileAt(t, `{"token":"`+second+`","name":"_admin"}`)
	s.start()
	check(first, 200)
	check(second, 401)
	// Another name adds a token, here an expired one.
	s.stop()
	s.config.AdminTokenFile = tokenFileAt(t, `{"token":"`+second+`","name":"late","expiry_millis":1}`)
	s.start()
	check(first, 200)
	check(second, 401)

	for name, content := range map[string]string{"not JSON": "apiv3_x", "a wrong prefix": `{"token":"secret","name":"n"}`} {
		c := s.config
		c.DataDir, c.AdminTokenFile = t.TempDir(), tokenFileAt(t, content)
		if app, err := Start(context.Background(), c, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: the server starts", name)
			_ = app.Stop(context.Background())
		}
	}
}

// TestStrangerCannotBecomeOperator: a server that has tokens, but none named
// _admin, does not hand out one to whoever asks.
func TestStrangerCannotBecomeOperator(t *testing.T) {
	const token = store.TokenPrefix + "factory"
	s := startServer(t, func(o *Config) {
		o.AdminTokenFile = tokenFileAt(t, `{"token":"`+token+`","name":"factory"}`)
	})
	create := testRequest{method: "POST", target: "/api/v3/configure/token/admin"}
	if r := s.do(create); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", r.text())
	}
	create.header = bearer(token)
	if r := s.do(create); r.StatusCode != http.StatusCreated {
		t.Errorf("with a token: %s", r.text())
	}
}

// TestRecoveryListenerStops: it ends with the first token that it hands out.
func TestRecoveryListenerStops(t *testing.T) {
	s := startServer(t, func(o *Config) { o.RecoveryBind = "127.0.0.1:0" })
	s.do(testRequest{method: "POST", target: "/api/v3/configure/token/admin"})
	addr := s.app.recovery.Addr().String()
	regenerate := testRequest{method: "POST", target: "/api/v3/configure/token/admin/regenerate", recovery: true}
	if r := s.do(regenerate); r.StatusCode != http.StatusCreated {
		t.Fatal(r.text())
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for deadline := time.Now().Add(10 * time.Second); ; {
		resp, err := client.Get("http://" + addr + "/health")
		if err != nil {
			if !strings.Contains(err.Error(), "refused") && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "EOF") {
				t.Error(err)
			}
			return
		}
		resp.Body.Close()
		if time.Now().After(deadline) {
			t.Fatal("the recovery listener still answers")
		}
	}
}

// TestTokenInTheQueryOfAnUnservedRoute has p on the v1 paths where no route is:
// a good token is told 404, another 401 (spec sections 0.2 and 1.2).
func TestTokenInTheQueryOfAnUnservedRoute(t *testing.T) {
	s := startServer(t)
	created := s.do(testRequest{method: "POST", target: "/api/v3/configure/token/admin"})
	var answer struct{ Token string }
	if err := json.Unmarshal(created.body, &answer); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		good         int
	}{
		{"PUT", "/query", 404},
		{"PUT", "/query/", 404},
		{"GET", "/write", 404},
		{"GET", "/write/", 404},
		{"GET", "/api/v2/write", 401}, // p is for the v1 paths alone
		{"GET", "/nothing", 401},
	} {
		if r := s.do(testRequest{method: c.method, target: c.path + "?db=d&p=" + answer.Token}); r.StatusCode != c.good {
			t.Errorf("%s %s with a good p: status %d, want %d", c.method, c.path, r.StatusCode, c.good)
		}
		if r := s.do(testRequest{method: c.method, target: c.path + "?db=d&p=wrong"}); r.StatusCode != 401 {
			t.Errorf("%s %s with a wrong p: status %d", c.method, c.path, r.StatusCode)
		}
	}
}
