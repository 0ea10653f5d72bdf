package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tarn/edge"
	"tarn/store"
)

// findBrowser returns a Chromium, or skips the test saying that there is none.
func findBrowser(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable"}
	if own := os.Getenv("TARN_BROWSER"); own != "" {
		names = []string{own}
	}
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path
		}
	}
	t.Skipf("left out: no Chromium on this machine (looked for %s; TARN_BROWSER names another)", strings.Join(names, ", "))
	return ""
}

// newBrowser starts a browser for one test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(findBrowser(t)),
		chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		// The browser must have gone before its directory is removed.
		_ = chromedp.Cancel(ctx)
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal("start the browser:", err)
	}
	return ctx
}

// tab is a page of the browser that watches what the page must never do.
type tab struct {
	*testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	problems []string
}

func newTab(t *testing.T, base string) *tab {
	t.Helper()
	p := &tab{T: t, ctx: newBrowser(t), base: base}
	host := strings.TrimPrefix(base, "http://")
	err := chromedp.Listen(p.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			text := e.ExceptionDetails.Text
			if e.ExceptionDetails.Exception != nil {
				text = e.ExceptionDetails.Exception.Description
			}
			p.complain("exception: %s at %s:%d", text, e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber+1)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
				p.complain("console: %s", e.Args[0].Value)
			}
		case *log.EventEntryAdded:
			// That a request failed is told there too, which tests provoke.
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork || e.Entry.Source == log.EntrySourceSecurity {
				p.complain("log: %s", e.Entry.Text)
			}
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(e.Request.URL); err != nil || u.Host != host && u.Scheme != "blob" {
				p.complain("a request to another host: %s", e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	command(p, network.Enable, network.EnableParams{})
	command(p, log.Enable, cdp.Empty{})
	command(p, runtime.Enable, cdp.Empty{})
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.problems {
			t.Error(text)
		}
	})
	p.size(1280, 860)
	return p
}

func (p *tab) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// run does something in the page that gives nothing.
func (p *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	run(p, chromedp.Steps(steps...))
}

// run is the same for what gives something.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	out, err := chromedp.Run(ctx, action)
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + "\n" + [...document.querySelectorAll("textarea")].map((e) => e.value).join() + "\n" + document.body.innerText`))
		if shot, shotErr := chromedp.Run(p.ctx, chromedp.CaptureScreenshot()); shotErr == nil && os.Getenv("TARN_SCREENSHOTS") != "" {
			_ = os.WriteFile(filepath.Join(os.Getenv("TARN_SCREENSHOTS"), "failure.png"), shot, 0o600)
		}
		p.Fatalf("%v; the page shows:\n%s", err, text)
	}
	return out
}

// command sends a command of the browser's protocol.
func command[P, R any](p *tab, c cdp.Command[P, R], params P) {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, c, params); err != nil {
		p.Fatal(err)
	}
}

func (p *tab) size(width, height int64) {
	p.Helper()
	if width < 600 {
		p.run(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile))
		return
	}
	p.run(chromedp.EmulateViewport(width, height))
}

// shade sets what the person prefers: "light" or "dark".
func (p *tab) shade(scheme string) {
	p.Helper()
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func (p *tab) open(target string) {
	p.Helper()
	p.run(chromedp.Navigate("about:blank"), chromedp.Navigate(p.base+target))
}

// see waits until text is visible somewhere in the elements of a selector.
func (p *tab) see(selector, text string) {
	p.Helper()
	p.wait(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((e) => e.checkVisibility() && (e.innerText || e.textContent).includes(%s))`, quoted(selector), quoted(text)))
}

// wait waits until an expression holds.
func (p *tab) wait(expression string) {
	p.Helper()
	p.run(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		for {
			ok, err := chromedp.Evaluate[bool]("Boolean("+expression+")")(ctx, t)
			if ok {
				return chromedp.Void{}, nil
			}
			// A page that is being replaced has no answer yet.
			select {
			case <-ctx.Done():
				return chromedp.Void{}, fmt.Errorf("waiting for %s: %w", expression, errors.Join(err, ctx.Err()))
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

func (p *tab) text(selector string) string {
	p.Helper()
	return run(p, chromedp.Text(chromedp.CSS(selector)))
}

// eval returns what an expression gives.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	return run(p, chromedp.Evaluate[T](expression))
}

// do runs JavaScript for what it does.
func (p *tab) do(statement string) {
	p.Helper()
	eval[bool](p, "(() => { "+statement+"; return true; })()")
}

// keys presses keys, where the focus is.
func (p *tab) keys(keys ...string) {
	p.Helper()
	for _, k := range keys {
		p.run(chromedp.KeyEvent(k))
	}
}

// enter presses the key without the character that would come after it: a
// browser sends none when the page has taken the key.
func (p *tab) enter() {
	p.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		command(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13})
	}
}

// press clicks the visible button or link of a name.
func (p *tab) press(name string) {
	p.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("button, a, summary, label")].find((e) => e.checkVisibility() && (e.getAttribute("aria-label") ?? e.innerText.trim()) === %s)`, quoted(name))
	p.wait(find)
	p.do(`(` + find + `).click()`)
}

func (p *tab) fill(selector, text string) {
	p.Helper()
	p.do(`const e = document.querySelector(` + quoted(selector) + `); e.focus(); e.select()`)
	p.keys(text)
}

// shot keeps a picture for a person to look at when TARN_SCREENSHOTS names a
// directory.
func (p *tab) shot(name string) {
	p.Helper()
	dir := os.Getenv("TARN_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := run(p, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		p.Error(err)
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

const adminToken = "apiv3_of-the-browser-tests"

// newServer starts a server with some data of the last hour; without a token
// when auth is false.
func newServer(t *testing.T, auth bool, more ...func(*edge.Config)) string {
	t.Helper()
	c := edge.DefaultConfig()
	c.DataDir, c.HTTPBind, c.Version, c.Revision, c.NodeID = t.TempDir(), "127.0.0.1:0", "3.7.0-tarn", "test", "gateway-7"
	c.MemoryLimit, c.WALSyncRate, c.WithoutAuth = 64<<20, 10000, !auth
	if auth {
		c.AdminTokenFile = filepath.Join(t.TempDir(), "token.json")
		if err := os.WriteFile(c.AdminTokenFile, []byte(`{"token":"`+adminToken+`","name":"`+store.AdminToken+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range more {
		f(&c)
	}
	a, err := edge.Start(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error("stop:", err)
		}
	})
	base := "http://" + a.Addr().String()
	var lines strings.Builder
	now := time.Now().Truncate(10 * time.Second)
	for i := range 360 {
		at := now.Add(-time.Duration(i) * 10 * time.Second).UnixNano()
		for k, host := range []string{"gw-01", "gw-02", `pump\ house`} {
			v := float64((i*7+k*13)%50 + k*10)
			fmt.Fprintf(&lines, "cpu,host=%s usage_user=%g,usage_system=%g,cores=%di,state=\"ok\" %d\n", host, v, v/4, 4+k, at)
		}
	}
	write(t, base, "telegraf", lines.String())
	write(t, base, "plant", "temp,room=a c=21.5,big=9007199254740993i 1700000000000000000\ntemp,room=b c=20.25,n=1u")
	return base
}

func write(t *testing.T, base, db, lines string) {
	t.Helper()
	if status, body := call(t, "POST", base+"/api/v3/write_lp?db="+db, adminToken, lines); status != http.StatusNoContent {
		t.Fatalf("write: %d %s", status, body)
	}
}

// call sends a request beside the browser.
func call(t *testing.T, method, target, token, body string, contentType ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header["Content-Type"] = contentType
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// logIn brings a tab to a view with the token in place.
func (p *tab) logIn(target string) {
	p.Helper()
	p.open("/dashboard/")
	p.see("h1", "Log in")
	p.fill("#token", adminToken)
	p.press("Log in")
	p.wait(`document.querySelector("#pill").textContent === "healthy"`)
	p.goTo(target)
}

// goTo follows a link of the page.
func (p *tab) goTo(target string) {
	p.Helper()
	p.do(`location.hash = ` + quoted(target))
}

func TestLogIn(t *testing.T) {
	p := newTab(t, newServer(t, true))
	p.open("/")
	p.see("h1", "Log in")
	p.shot("login")
	p.fill("#token", "apiv3_wrong")
	p.press("Log in")
	p.see(".error", "does not know this token")
	p.fill("#token", adminToken)
	p.keys(kb.Enter)
	p.see(".pill", "healthy")
	p.see(".card", "since the start")
	p.see("header", "gateway-7")

	// The tab keeps the token over a reload, nothing else does.
	p.run(chromedp.Reload())
	p.see(".pill", "healthy")
	kept := eval[[]string](p, `[sessionStorage.length + "", localStorage.length + "", document.cookie]`)
	if want := []string{"1", "0", ""}; strings.Join(kept, "|") != strings.Join(want, "|") {
		t.Errorf("sessionStorage, localStorage and cookies hold %q, want %q", kept, want)
	}
	p.press("Log out")
	p.see("h1", "Log in")
	p.run(chromedp.Reload())
	p.see("h1", "Log in")
}

func TestWithoutAuthItJustOpens(t *testing.T) {
	p := newTab(t, newServer(t, false))
	p.open("/")
	p.see(".pill", "healthy")
	p.wait(`document.querySelector("#logout").hidden`)
	p.goTo("#/tokens")
	p.see(".note", "without authentication")
}

func TestOverview(t *testing.T) {
	base := newServer(t, false)
	p := newTab(t, base)
	p.open("/dashboard/")
	for _, text := range []string{"Rows written", "1,082 since the start", "Write buffer", "Memory", "Disk", "Written to flash", "Write-ahead log", "in order", "gateway-7", "None since the start"} {
		p.see(".card", text)
	}
	// The numbers live.
	write(t, base, "telegraf", "cpu,host=x usage_user=1")
	p.see(".card", "1,083 since the start")
	p.wait(`document.querySelectorAll(".spark .edge").length === 2`)
	p.shot("overview")
	p.shade("dark")
	p.shot("overview-dark")
}

func TestData(t *testing.T) {
	p := newTab(t, newServer(t, false))
	p.open("/dashboard/#/data")
	p.see("tbody tr", "telegraf")
	p.shot("data")
	p.press("plant")
	p.see("tbody tr", "temp")
	p.press("Databases")
	p.press("telegraf")
	p.see("tbody tr td.num", "1,080")
	p.shot("data-tables")
	p.press("cpu")
	p.see("td", "tag")
	p.see("td", "float")
	p.see("td.time", time.Now().UTC().Format("2006-01-02"))
	p.wait(`document.querySelectorAll(".result tbody tr").length === 10`)
	p.shot("data-table")
	p.goTo("#/data/plant/temp")
	p.see(".result td", "9007199254740993") // more digits than JavaScript's numbers have
	p.goTo("#/data/plant/nosuch")
	p.see(".error", "nosuch")
}

func TestExploreSQL(t *testing.T) {
	p := newTab(t, newServer(t, false))
	p.open("/dashboard/#/explore")
	p.wait(`document.querySelector("#query").value.includes("date_bin")`) // an example that works
	p.run(chromedp.Focus(chromedp.CSS("#query")), chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	p.see(".answer", "rows in")
	p.drawn()
	p.see(".key", "pump house")
	p.wait(`document.querySelectorAll(".result tbody tr").length > 100`)
	p.hover(0.5)
	p.see(".tip", "gw-01")
	p.shot("explore-sql")
	p.shade("dark")
	p.hover(0.3)
	p.shot("explore-sql-dark")

	// Zoom narrows what the read-out steps over; All widens it again.
	p.run(chromedp.Focus(chromedp.CSS("canvas")))
	p.keys("+", "+", kb.ArrowRight)
	p.see(".tip", ":")
	p.wait(`document.querySelector(".chart .unseen").textContent.includes("gw-02")`)
	zoomed := p.text(".tip b")
	p.press("Show the whole range")
	p.run(chromedp.Focus(chromedp.CSS("canvas")))
	p.keys(kb.Escape, kb.ArrowRight)
	p.see(".tip", ":")
	if first := p.text(".tip b"); first >= zoomed {
		t.Errorf("the first point of the whole range is at %s, that of the zoomed one at %s", first, zoomed)
	}
	// A drag zooms as well.
	p.drag(0.4, 0.6)
	p.run(chromedp.Focus(chromedp.CSS("canvas")))
	p.keys(kb.Escape, kb.ArrowRight)
	if first := p.text(".tip b"); first <= zoomed {
		t.Errorf("after a drag from 40 %% the first point is at %s, that after zooming to the middle half's half at %s", first, zoomed)
	}

	// A series is hidden by its key.
	p.press("gw-01")
	p.wait(`document.querySelector('.key[aria-pressed="false"]').innerText.includes("gw-01")`)

	p.query(`SELECT nosuch FROM cpu`)
	p.see(".error", "nosuch")
	p.shot("explore-error")
	p.query(`SELECT host, count(*) AS n FROM cpu GROUP BY host ORDER BY host`)
	p.see(".answer", "3 rows in")
	p.see(".result td", "pump house")
	p.wait(`!document.querySelector("canvas")`)
	p.query(`SELECT * FROM cpu LIMIT 0`)
	p.see(".out", "The answer is empty")
	// Columns that are NULL in all rows are columns, in their place.
	p.query(`SELECT NULL AS "ünset", 9007199254740993 AS big, 'x' AS z`)
	p.see(".result", "9007199254740993")
	if got := strings.Fields(p.text(".result thead")); strings.Join(got, " ") != "ünset big z" {
		t.Errorf("columns %q", got)
	}
	// More rows than a page can show are cut, and the page says so.
	p.query(`SELECT a.host FROM cpu a CROSS JOIN cpu b LIMIT 20000`)
	p.see(".answer", "The first 10,000 rows")
	p.press("Show 500 more of 9500")
	p.wait(`document.querySelectorAll(".result tbody tr").length === 1000`)
	// By a click on its name a column sorts.
	p.query(`SELECT DISTINCT cores FROM cpu`)
	p.press("cores")
	p.wait(`[...document.querySelectorAll(".result td")].map((e) => e.innerText).join() === "4,5,6"`)
	p.press("cores")
	p.wait(`[...document.querySelectorAll(".result td")].map((e) => e.innerText).join() === "6,5,4"`)
}

func TestExploreInfluxQL(t *testing.T) {
	p := newTab(t, newServer(t, false))
	p.open("/dashboard/#/explore?db=telegraf&lang=influxql&q=" + url.QueryEscape(`SELECT mean(usage_user) FROM cpu WHERE time > now() - 1h GROUP BY time(5m), host`))
	p.see(".answer", "rows in") // a query in the URL runs
	p.drawn()
	p.see(".key", "pump house")
	p.hover(0.5)
	p.see(".tip", "gw-02")
	p.shot("explore-influxql")
	p.query(`SELECT mean( FROM cpu`)
	p.see(".error", "parsing query")
	p.query(`SHOW MEASUREMENTS`)
	p.see(".result td", "cpu")
	// The URL follows, and the history remembers.
	p.wait(`decodeURIComponent(location.hash).includes("SHOW+MEASUREMENTS")`)
	p.press("History")
	p.see(".menu code", "SELECT mean(usage_user)")
	p.shot("explore-history")
	p.do(`document.querySelector(".menu button:last-child").click()`)
	p.see(".key", "pump house")
}

// TestLinkThatWrites: a query in the address runs by itself only when it cannot
// change anything.
func TestLinkThatWrites(t *testing.T) {
	p := newTab(t, newServer(t, false))
	there := func(m string) {
		t.Helper()
		p.open("/dashboard/#/explore?db=plant&lang=influxql&q=SHOW+MEASUREMENTS")
		p.see(".result td", m)
	}
	for _, q := range []string{"DROP MEASUREMENT temp", "SELECT c FROM temp; DROP MEASUREMENT temp", "SELECT c INTO other FROM temp", "/* */ DELETE FROM temp", "-- SELECT\nDROP MEASUREMENT temp"} {
		p.open("/dashboard/#/explore?" + url.Values{"db": {"plant"}, "lang": {"influxql"}, "q": {q}}.Encode())
		p.see(".note", "may change data")
		there("temp")
		if got := p.text(".result"); strings.Contains(got, "other") {
			t.Errorf("%s ran: %s", q, got)
		}
	}
	p.open("/dashboard/#/explore?db=plant&lang=influxql&q=" + url.QueryEscape("SELECT c INTO other FROM temp"))
	p.see(".note", "may change data")
	p.press("Run")
	p.see(".answer", "row")
	there("other")
}

func TestExplorePromQL(t *testing.T) {
	base := newServer(t, false)
	p := newTab(t, base)
	p.open("/dashboard/#/explore?db=telegraf")
	p.press("PromQL")
	p.see("#range", "last 1 hour")
	p.query(`cpu{__field__="usage_user"}`)
	if status, _ := call(t, "GET", base+"/v1/prometheus/api/v1/query?query=1", adminToken, ""); status == http.StatusNotFound {
		p.see(".note", "has no PromQL")
		return
	}
	p.see(".answer", "rows in")
	p.drawn()
	p.see(".key", "host=gw-01")
	p.shot("explore-promql")
	p.query(`rate(`)
	p.see(".error", "parse error")
}

func TestCompletion(t *testing.T) {
	p := newTab(t, newServer(t, false))
	p.open("/dashboard/#/explore?db=telegraf&lang=sql")
	p.wait(`document.querySelector("#query").value.includes("date_bin")`)
	p.fill("#query", "SELECT usage_s")
	p.see(".options [aria-selected=true]", "usage_system")
	p.shot("explore-completion")
	p.keys(kb.Tab)
	p.wait(`document.querySelector("#query").value === "SELECT usage_system "`)
	p.keys("fro")
	p.see(".options [aria-selected=true]", "from")
	p.enter()
	p.keys("c")
	p.see(".options", "cpu")
	p.keys(kb.Escape)
	p.wait(`document.querySelector(".options").hidden`)
	p.keys("p")
	p.see(".options [aria-selected=true]", "cpu")
	p.enter()
	p.wait(`document.querySelector("#query").value === "SELECT usage_system from cpu "`)
	p.press("Run")
	p.see(".answer", "1,080 rows in")
}

func TestDownload(t *testing.T) {
	dir := t.TempDir()
	p := newTab(t, newServer(t, true))
	p.logIn("#/explore?db=plant&lang=sql&q=" + url.QueryEscape("SELECT room, c FROM temp ORDER BY room"))
	p.see(".answer", "2 rows in")
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
	fetch := func(button, pattern string) string {
		t.Helper()
		p.press(button)
		for {
			found, _ := filepath.Glob(filepath.Join(dir, pattern))
			if len(found) == 1 {
				if data, err := os.ReadFile(found[0]); err == nil && len(data) > 0 {
					return string(data)
				}
			}
			select {
			case <-p.ctx.Done():
				t.Fatal("no file came:", pattern)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	if got, want := fetch("Download as CSV", "tarn-*.csv"), "room,c\na,21.5\nb,20.25\n"; got != want {
		t.Errorf("CSV is %q, want %q", got, want)
	}
	if got := fetch("Download as Parquet", "tarn-*.parquet"); !strings.HasPrefix(got, "PAR1") {
		t.Errorf("Parquet begins with %q", got[:min(4, len(got))])
	}
}

func TestTokens(t *testing.T) {
	base := newServer(t, true)
	p := newTab(t, base)
	p.logIn("#/tokens")
	p.see("tbody th", "_admin")
	p.fill("#token-name", "grafana")
	p.run(chromedp.SetValue(chromedp.CSS("#token-expiry"), "604800"))
	p.press("Create")
	p.see(".note", "not shown again")
	token := p.text(".secret")
	if status, _ := call(t, "GET", base+"/ping", token, ""); status != http.StatusOK {
		t.Errorf("the new token gets %d", status)
	}
	p.see("tbody th", "grafana")
	p.see("tbody td", time.Now().UTC().Add(7*24*time.Hour).Format("2006-01-02"))
	p.shot("tokens")
	p.fill("#token-name", "grafana")
	p.press("Create")
	p.see(".error", "already exists")
	p.press("Revoke grafana")
	p.see("dialog", "Revoke grafana?")
	p.shot("tokens-revoke")
	p.press("Cancel")
	if status, _ := call(t, "GET", base+"/ping", token, ""); status != http.StatusOK {
		t.Errorf("after Cancel the token gets %d", status)
	}
	p.press("Revoke grafana")
	p.see("dialog", "Revoke grafana?")
	p.press("Revoke")
	p.wait(`![...document.querySelectorAll("tbody th")].some((e) => e.innerText === "grafana")`)
	if status, _ := call(t, "GET", base+"/ping", token, ""); status != http.StatusUnauthorized {
		t.Errorf("the revoked token gets %d", status)
	}

	// Whoever's own token ends is asked for another one.
	if status, body := call(t, "POST", base+"/api/v3/configure/token/admin/regenerate", adminToken, ""); status != http.StatusCreated {
		t.Fatal(status, body)
	}
	p.goTo("#/data")
	p.see(".error", "expired or was revoked")
}

func TestTriggersAndPipelines(t *testing.T) {
	base := newServer(t, false)
	p := newTab(t, base)
	p.open("/dashboard/#/triggers")
	p.see(".card", "There is none.")
	p.see(".card code", "POST /v1/pipelines/NAME")
	const yaml = "version: 2\nprocessors:\n  - date:\n      fields:\n        - t\n      formats:\n        - '%Y-%m-%d'\ntransform:\n  - field: t\n    type: time\n    index: timestamp\n"
	if status, body := call(t, "POST", base+"/v1/pipelines/syslog", "", yaml, "application/x-yaml"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	p.run(chromedp.Reload())
	p.see("tbody th", "syslog")
	p.do(`document.querySelector("details summary").click()`)
	p.see("pre", "%Y-%m-%d")
	p.shot("triggers")
}

// TestTriggers switches a trigger off and on, and shows what it logged.
func TestTriggers(t *testing.T) {
	plugins := t.TempDir()
	if err := os.WriteFile(filepath.Join(plugins, "broken.py"), []byte("def process_writes(influxdb3_local):\n    pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := newServer(t, false, func(c *edge.Config) { c.PluginDir = plugins })
	if status, body := call(t, "POST", base+"/api/v3/configure/processing_engine_trigger", "",
		`{"db":"telegraf","plugin_filename":"broken.py","trigger_name":"watch","trigger_specification":"table:cpu","trigger_settings":{"run_async":false,"error_behavior":"log"},"trigger_arguments":null,"disabled":false}`, "application/json"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	p := newTab(t, base)
	p.open("/dashboard/#/triggers")
	p.see("tbody th", "watch")
	p.see("tbody td", "on writes to cpu")
	p.see(".tag.on", "enabled")
	write(t, base, "telegraf", "cpu,host=x usage_user=1")
	// The plugin is broken; without Python it cannot even be tried. Both are
	// logged in the background: look until they are.
	p.do(`const t = setInterval(() => { const b = [...document.querySelectorAll("button")].find((e) => e.innerText === "Refresh"); document.querySelector(".problems .tag.error") || !b ? clearInterval(t) : b.click(); }, 200)`)
	p.see(".problems b", "watch")
	p.see(".problems .tag.error", "ERROR")
	p.accessible("triggers")
	p.press("disable watch")
	p.see(".tag.off", "disabled")
	p.shot("triggers-one")
	p.press("enable watch")
	p.see(".tag.on", "enabled")
}

// TestSync shows a target that can be reached and one that cannot.
func TestSync(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	lake := t.TempDir()
	base := newServer(t, false, func(c *edge.Config) {
		c.SyncTargets = []string{"file://" + lake + "?name=lake", "http://" + closed.Addr().String() + "?name=far"}
		c.SyncRetryMin, c.SyncRetryMax = time.Hour, time.Hour
	})
	p := newTab(t, base)
	p.open("/dashboard/#/sync")
	p.see(".card h2", "lake")
	p.press("Send all now")
	p.see(".card[aria-label=lake]", "1,082")
	p.see(".card[aria-label=far]", "link down")
	p.see(".card[aria-label=far] .error", "connection refused")
	p.shot("sync")
	p.press("Pause: lake")
	p.see(".card[aria-label=lake] .tag", "paused")
	p.press("Resume: lake")
	p.see(".card[aria-label=lake] .tag", "idle")
	p.goTo("#/overview")
	p.see(".card[aria-label='Upstream sync']", "link down")
	p.see(".card[aria-label='Upstream sync']", "connection refused")
	p.shade("dark")
	p.shot("overview-sync-dark")
	p.size(360, 740)
	p.goTo("#/sync")
	p.see(".card[aria-label=far] .tag", "link down")
	p.fits("sync")
	p.accessible("sync")
	p.shot("phone-sync-targets")
}

var viewNames = []string{"overview", "data", "data/telegraf", "data/telegraf/cpu", "explore", "triggers", "tokens", "sync"}

// TestPhone opens every view on a small screen: nothing may stick out.
func TestPhone(t *testing.T) {
	p := newTab(t, newServer(t, true))
	p.size(360, 740)
	p.logIn("#/overview")
	for _, scheme := range []string{"light", "dark"} {
		p.shade(scheme)
		for _, v := range viewNames {
			p.goTo("#/" + v)
			p.settled()
			if v == "explore" {
				p.query(`SELECT time, host, usage_user FROM cpu ORDER BY time`)
				p.see(".answer", "1,080 rows in")
				p.drawn()
				p.hover(0.6)
			}
			p.fits(v)
			p.shot("phone-" + strings.ReplaceAll(v, "/", "-") + "-" + scheme)
		}
	}
}

// fits complains of what is wider than a phone.
func (p *tab) fits(where string) {
	p.Helper()
	wide := eval[[]string](p, `[...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > 361 && !e.closest(".scroll, textarea, .unseen, .legend")).map((e) => e.tagName + "." + e.className)`)
	if len(wide) > 0 {
		p.Errorf("%s sticks out: %s", where, wide)
	}
	if !eval[bool](p, `document.scrollingElement.scrollWidth <= 360`) {
		p.Errorf("%s scrolls sideways", where)
	}
}

// TestAccessible checks what a machine can: names of controls, contrast of all
// texts in both colour schemes, and the whole way to an answer by keyboard.
func TestAccessible(t *testing.T) {
	p := newTab(t, newServer(t, true))
	p.open("/")
	p.see("h1", "Log in")
	p.accessible("login")
	p.keys(adminToken, kb.Enter) // the field has the focus
	p.see(".pill", "healthy")
	for _, scheme := range []string{"light", "dark"} {
		p.shade(scheme)
		for _, v := range viewNames {
			p.goTo("#/" + v)
			p.settled()
			p.accessible(v + ", " + scheme)
		}
		p.goTo("#/explore?db=telegraf&lang=sql&q=SELECT+nosuch+FROM+cpu")
		p.see(".error", "nosuch")
		p.accessible("an error, " + scheme)
	}
	// From the address bar: skip link, brand, six views.
	p.goTo("#/overview")
	p.settled()
	p.do(`document.activeElement.blur()`)
	p.keys(kb.Tab)
	for range 20 {
		if eval[string](p, `document.activeElement.innerText`) == "Explore" {
			break
		}
		p.keys(kb.Tab)
	}
	p.keys(kb.Enter)
	p.wait(`document.querySelector("main.explore #query")`)
}

// accessible complains of controls without a name and of texts that are too
// faint (WCAG 2 AA: 4.5, or 3 for large ones).
func (p *tab) accessible(where string) {
	p.Helper()
	bad := eval[[]string](p, `(() => {
		const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
		const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
		const faded = (e) => { let o = 1; for (; e; e = e.parentElement) o *= getComputedStyle(e).opacity; return o; };
		const bad = [];
		for (const e of document.querySelectorAll("button, a, input, select, textarea, canvas, img, summary")) {
			if (!e.checkVisibility()) continue;
			const name = e.getAttribute("aria-label") || e.innerText || e.labels?.[0]?.innerText || e.alt || (e.tagName === "IMG" && e.hasAttribute("alt"));
			if (!name) bad.push("no name: " + e.outerHTML.slice(0, 120));
		}
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let n; (n = walk.nextNode());) {
			const e = n.parentElement;
			if (!n.data.trim() || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || e.closest(".unseen, .skip, option, noscript")) continue;
			const style = getComputedStyle(e), size = parseFloat(style.fontSize);
			const [a, b] = [lum(rgb(style.color).slice(0, 3)), lum(ground(e))].sort((x, y) => y - x);
			const ratio = 1 + ((a + 0.05) / (b + 0.05) - 1) * faded(e);
			if (ratio < (size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5)) bad.push(ratio.toFixed(2) + ": " + n.data.trim().slice(0, 40) + " in " + e.tagName + "." + e.className);
		}
		return bad;
	})()`)
	for _, b := range bad {
		p.Errorf("%s: %s", where, b)
	}
}

// settled waits until a view has loaded.
func (p *tab) settled() {
	p.Helper()
	p.wait(`location.hash.startsWith("#/" + document.querySelector("main").className) && document.querySelector("main .card") && !/Loading…|…$/m.test(document.querySelector("main").innerText)`)
}

// query replaces the text of the box and runs it.
func (p *tab) query(q string) {
	p.Helper()
	p.wait(`document.querySelector("#db").value`)
	p.do(`const a = document.querySelector("#query"); a.value = ` + quoted(q) + `; a.dispatchEvent(new Event("change")); document.querySelector(".out").replaceChildren(); document.querySelector(".answer .muted").replaceChildren()`)
	p.press("Run")
}

// drawn waits until the chart has lines in at least one colour of its own.
func (p *tab) drawn() {
	p.Helper()
	p.wait(`(() => {
		const c = document.querySelector("canvas");
		if (!c?.width) return false;
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		let vivid = 0;
		for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 60) vivid++;
		return vivid > 300;
	})()`)
}

// box is where the chart is.
func (p *tab) box() (x, y, width, height float64) {
	p.Helper()
	b := eval[[]float64](p, `(() => { const c = document.querySelector("canvas"); c.scrollIntoView({ block: "center" }); const r = c.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`)
	return b[0], b[1], b[2], b[3]
}

// hover puts the pointer at a part of the chart's width.
func (p *tab) hover(at float64) {
	p.Helper()
	x, y, w, h := p.box()
	p.run(chromedp.MouseEvent(chromedp.MouseMoved, x+w*at, y+h/2))
	p.wait(`!document.querySelector(".tip").hidden`)
}

func (p *tab) drag(from, to float64) {
	p.Helper()
	x, y, w, h := p.box()
	p.run(chromedp.MouseEvent(chromedp.MouseMoved, x+w*from, y+h/2), chromedp.MouseEvent(chromedp.MousePressed, x+w*from, y+h/2, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, x+w*to, y+h/2), chromedp.MouseEvent(chromedp.MouseReleased, x+w*to, y+h/2, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}
