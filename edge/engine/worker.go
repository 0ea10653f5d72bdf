package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed host.py
var hostScript string

const (
	protocol = 1
	// startTimeout is how long a worker may take to say hello: cold SD cards
	// are slow.
	startTimeout = 15 * time.Second
	// interruptAfter and killAfter are the steps by which a cancelled call is
	// ended that does not end by itself.
	interruptAfter = 2 * time.Second
	killAfter      = 10 * time.Second
	// maxCodes is how many plugins a worker keeps compiled.
	maxCodes = 64
)

// workerOptions say how to start a worker.
type workerOptions struct {
	python    string
	dir       string
	env       []string
	memory    int64 // of its address space; 0 for no limit
	processes int   // that its user may have beyond those there are; 0 for no limit
	logger    *slog.Logger
}

// worker is a running Python process.
type worker struct {
	opts workerOptions
	cmd  *exec.Cmd

	write sync.Mutex // serialises frames, and guards codes
	in    io.WriteCloser
	codes map[string]uint64 // sent code -> use
	used  uint64
	lent  []byte

	mu      sync.Mutex
	calls   map[uint64]*running
	lastInv uint64

	ended  chan struct{} // closed when the process is gone
	reason error         // why, valid after ended
	alone  bool          // whether one call was running then
	pong   atomic.Int64  // when the worker last said anything, ns

	serving sync.WaitGroup // queries and writes for calls

	supported bool // the scripts' module was sent; guarded by write
}

// running is a call in a worker.
type running struct {
	call *call
	ctx  context.Context
	done chan message
	body []byte
}

// startWorker starts a process and waits for its hello.
func startWorker(ctx context.Context, o workerOptions) (*worker, error) {
	var secret [16]byte
	_, _ = rand.Read(secret[:]) // never fails
	cookie := hex.EncodeToString(secret[:])
	w := &worker{opts: o, codes: map[string]uint64{}, calls: map[uint64]*running{}, ended: make(chan struct{})}
	w.cmd = exec.Command(o.python, "-s", "-B", "-u", "-X", "utf8", "-c", hostScript)
	w.cmd.Dir, w.cmd.Env = o.dir, append(o.env, "TARN_WORKER_COOKIE="+cookie)
	w.cmd.Stderr = &lineLogger{logger: o.logger}
	detach(w.cmd)
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// A child of a plugin may hold standard error open after the worker's end.
	w.cmd.WaitDelay = 2 * time.Second
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.python, err)
	}
	hello := make(chan message, 1)
	go w.read(bufio.NewReaderSize(out, 64<<10), hello)
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case m := <-hello:
		if err = checkHello(m, cookie, o.logger); err == nil {
			o.logger.Info("the Python worker has started", "python", dotted(m.Python), "executable", m.Executable)
		}
	case <-w.ended:
		return nil, fmt.Errorf("the Python worker ended at once: %w", w.reason)
	case <-timer.C:
		err = fmt.Errorf("the Python worker did not start within %s", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		err = w.send([]byte(fmt.Sprintf(`{"op":"init","memory":%d,"processes":%d}`, o.memory, o.processes)), nil)
	}
	if err != nil {
		w.kill()
		return nil, err
	}
	return w, nil
}

// dotted is a version as people write it.
func dotted(version []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(version), "[]"), " ", ".")
}

func checkHello(m message, cookie string, logger *slog.Logger) error {
	switch {
	case m.Op != "hello" || m.Cookie != cookie || m.Proto != protocol:
		return errors.New("the Python worker speaks another protocol")
	case len(m.Python) < 2 || m.Python[0] != 3 || m.Python[1] < 8:
		//lint:ignore ST1005 a name
		return fmt.Errorf("Python %s is too old; install Python 3.11+ or set --python", dotted(m.Python))
	case m.Python[1] < 11:
		logger.Warn("official plugins need Python 3.11", "python", dotted(m.Python))
	}
	return nil
}

// kill ends the process and what it started. It may be called again.
func (w *worker) kill() {
	killGroup(w.cmd)
}

// stop lets the process end by itself and kills it after a while.
func (w *worker) stop(grace time.Duration) {
	w.in.Close() // the worker ends at the end of its input
	select {
	case <-w.ended:
	case <-time.After(grace):
	}
	w.kill() // children too
	<-w.ended
}

// read dispatches what the worker sends until it ends.
func (w *worker) read(r io.Reader, hello chan<- message) {
	var broken error
	for {
		text, blob, err := readFrame(r)
		if err == nil {
			var m message
			if err = json.Unmarshal(text, &m); err == nil {
				w.pong.Store(time.Now().UnixNano())
				if m.Op == "hello" {
					hello <- m
				} else {
					w.dispatch(m, blob)
				}
				continue
			}
		}
		if !errors.Is(err, io.EOF) {
			broken = err
		}
		break
	}
	if broken != nil {
		w.kill()
	}
	err := w.cmd.Wait()
	killGroup(w.cmd)
	switch {
	case broken != nil && err == nil:
		err = broken
	case err == nil:
		err = errors.New("exit status 0")
	}
	w.mu.Lock()
	w.reason, w.alone = err, len(w.calls) == 1
	w.mu.Unlock()
	close(w.ended)
}

func (w *worker) dispatch(m message, blob []byte) {
	w.mu.Lock()
	r := w.calls[m.Inv]
	w.mu.Unlock()
	switch {
	case m.Op == "pong":
	case r == nil:
		// What a thread prints that a finished call has left behind.
		if m.Op == "out" || m.Op == "log" {
			w.opts.logger.Info("plugin output", "text", m.Text)
		}
	case m.Op == "done":
		r.body = blob
		select {
		case r.done <- m:
		default: // a second answer
		}
	case m.Op == "log":
		r.call.log(m.Level, m.Text)
	case m.Op == "out":
		level := levelInfo
		if m.Stream == "stderr" {
			level = levelWarn
		}
		r.call.log(level, m.Text)
	case m.Op == "query":
		w.serving.Go(func() { w.query(r, m) })
	case m.Op == "write":
		w.serving.Go(func() {
			reply := fmt.Appendf(nil, `{"op":"reply","id":%d`, m.ID)
			if err := r.call.host.write(r.ctx, r.call, m.Database, m.Lines, m.NoSync); err != nil {
				reply = append(reply, `,"err":`...)
				reply = appendText(reply, err.Error())
			}
			_ = w.send(append(reply, '}'), nil) // a worker that ended needs no answer
		})
	}
}

// query answers a query of a plugin, in pieces.
func (w *worker) query(r *running, m message) {
	send := func(rows []byte, more bool) error {
		rows = append(rows, `],"more":`...)
		return w.send(append(appendBool(rows, more), '}'), nil)
	}
	err := r.call.host.query(r.ctx, r.call, m, func(columns []byte) []byte {
		return append(append(fmt.Appendf(nil, `{"op":"reply","id":%d,"c":`, m.ID), columns...), `,"d":[`...)
	}, send)
	if err == nil {
		return
	}
	kind := "query"
	var unsupported *valueError
	if errors.As(err, &unsupported) {
		kind = "value"
	}
	reply := fmt.Appendf(nil, `{"op":"reply","id":%d,"kind":"%s","err":`, m.ID, kind)
	_ = w.send(append(appendText(reply, err.Error()), '}'), nil)
}

// send writes one message.
func (w *worker) send(text, blob []byte) error {
	w.write.Lock()
	defer w.write.Unlock()
	return w.sendLocked(text, blob)
}

func (w *worker) sendLocked(text, blob []byte) error {
	w.lent = appendFrame(w.lent[:0], text, blob)
	_, err := w.in.Write(w.lent)
	if cap(w.lent) > 1<<20 {
		w.lent = nil
	}
	if err != nil {
		return fmt.Errorf("send to the Python worker: %w", err)
	}
	return nil
}

// do runs a call. The error says that there is no outcome: the worker ended, or
// ctx did. A call that does not end when ctx does makes the worker unfit, which
// unfit is told.
func (w *worker) do(ctx context.Context, c *call, unfit func(*worker)) (outcome, error) {
	r := &running{call: c, ctx: ctx, done: make(chan message, 1)}
	w.mu.Lock()
	w.lastInv++
	inv := w.lastInv
	w.calls[inv] = r
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.calls, inv)
		w.mu.Unlock()
	}()
	if err := w.exec(c, inv); err != nil {
		select {
		case <-w.ended:
			return outcome{}, w.gone()
		case <-time.After(time.Second):
			w.kill() // it runs, but does not listen
			return outcome{}, err
		}
	}
	select {
	case m := <-r.done:
		return outcomeOf(m, r.body), nil
	case <-w.ended:
		return outcome{}, w.gone()
	case <-ctx.Done():
	}
	return outcome{}, w.cancel(ctx, r, inv, unfit)
}

func (w *worker) gone() error { return &workerGone{w.reason, w.alone} }

// workerGone is the end of the worker during a call; alone says that no other
// one can have ended it.
type workerGone struct {
	reason error
	alone  bool
}

func (e *workerGone) Error() string { return "plugin worker exited: " + e.reason.Error() }

// cancel ends a call step by step and returns why it was ended.
func (w *worker) cancel(ctx context.Context, r *running, inv uint64, unfit func(*worker)) error {
	cause := context.Cause(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := time.Now()
	for interrupt := false; ; {
		text := fmt.Appendf(nil, `{"op":"cancel","inv":%d,"interrupt":%t}`, inv, interrupt)
		go func() { _ = w.send(text, nil) }() // the pipe may be full
		select {
		case <-r.done:
			return cause
		case <-w.ended:
			return cause
		case <-tick.C:
		}
		interrupt = time.Since(began) >= interruptAfter
		if time.Since(began) >= killAfter {
			unfit(w)
			return cause
		}
	}
}

// exec sends a call, and before it the code that the worker does not have.
func (w *worker) exec(c *call, inv uint64) error {
	w.write.Lock()
	defer w.write.Unlock()
	if c.kind == kindScript && !w.supported {
		text := append(appendText([]byte(`{"op":"support","src":`), scriptSupport), '}')
		if err := w.sendLocked(text, nil); err != nil {
			return err
		}
		w.supported = true
	}
	if c.code != nil {
		if err := w.sendCode(c.code); err != nil {
			return err
		}
	}
	return w.sendLocked(c.encode(inv), c.body)
}

func (w *worker) sendCode(code *code) error {
	w.used++
	_, known := w.codes[code.sha]
	w.codes[code.sha] = w.used
	if known {
		return nil
	}
	if len(w.codes) > maxCodes {
		oldest, use := "", w.used
		for sha, u := range w.codes {
			if u < use {
				oldest, use = sha, u
			}
		}
		delete(w.codes, oldest)
		if err := w.sendLocked(append(appendText([]byte(`{"op":"forget","sha":`), oldest), '}'), nil); err != nil {
			return err
		}
	}
	text := appendText([]byte(`{"op":"code","sha":`), code.sha)
	if code.root == "" {
		text = appendText(append(text, `,"src":`...), code.source)
	} else {
		text = appendText(append(text, `,"root":`...), code.root)
		text = appendText(append(text, `,"name":`...), code.name)
		text = appendText(append(text, `,"stamp":`...), code.sha)
	}
	return w.sendLocked(append(text, '}'), nil)
}

// idle says whether no call runs.
func (w *worker) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls) == 0
}

// code is a plugin's code as the worker gets it: the source of one file, or the
// directory of a package.
type code struct {
	sha    string
	source string
	root   string // directory that has the package
	name   string
}

func codeOf(source []byte) *code {
	sum := sha256.Sum256(source)
	return &code{sha: hex.EncodeToString(sum[:]), source: string(source)}
}

// lineLogger logs what is written to it, by lines, 200 a second at most.
type lineLogger struct {
	logger  *slog.Logger
	mu      sync.Mutex
	rest    []byte
	second  int64
	n       int
	dropped int
}

// Write is io.Writer's.
func (l *lineLogger) Write(p []byte) (int, error) {
	const most, perSecond = 8 << 10, 200
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < most {
			return len(p), nil
		}
		line := l.rest
		if i >= 0 {
			line = l.rest[:i]
		}
		line = line[:min(len(line), most)]
		if now := time.Now().Unix(); now != l.second {
			if l.dropped > 0 {
				l.logger.Warn("plugin output dropped", "lines", l.dropped)
			}
			l.second, l.n, l.dropped = now, 0, 0
		}
		if l.n++; l.n <= perSecond {
			l.logger.Info("plugin output", "text", string(line))
		} else {
			l.dropped++
		}
		if i >= 0 {
			l.rest = l.rest[i+1:]
		} else {
			l.rest = l.rest[len(line):]
		}
		if len(l.rest) == 0 {
			l.rest = nil
		}
	}
}
