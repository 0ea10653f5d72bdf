// Sync: what goes upstream, what waits, what failed.
import { getJSON, request } from "./api.js";
import { ago, bytes, confirmed, count, explain, fill, h, say, scroller, span, whole } from "./dom.js";
import { facts, meter } from "./overview.js";

const path = "api/v3/sync", every = 2000;
const absent = () => h("section.card", h("p.muted", "Nothing goes upstream: this server has no sync target. ", h("code", "tarn serve --sync-target URL"), " names one."));

export function show(root) {
  const stop = new AbortController();
  const body = h("div", h("section.card", h("p.muted", "Loading…")));
  fill(root, h("h1.unseen", "Sync"), body);
  let timer, drawn = "";

  function draw(s) {
    const text = JSON.stringify(s);
    if (text === drawn) return; // what has the focus keeps it
    drawn = text;
    const former = s.former_targets || [];
    fill(body, s.targets.length ? [s.targets.length > 1 ? h("div.row", button("Send all now", "", "now")) : null, s.targets.map(card)] : absent(),
      former.length ? h("section.card", h("h2", "Former targets"), h("p.muted", "They are not configured any more; what is known of them is kept until you forget them."),
        former.map((id) => h("div.row.between", h("code", id), h("button.quiet", { type: "button", "aria-label": "Forget " + id, onclick: async () => {
          if (await confirmed(`Forget ${id}?`, "If it comes back, everything is sent to it again.", "Forget")) act(id, "");
        } }, "Forget")))) : null);
  }

  async function load() {
    clearTimeout(timer);
    try {
      draw(await getJSON(path, { signal: stop.signal }));
    } catch (err) {
      if (err.name === "AbortError") return;
      drawn = "";
      fill(body, h("section.card", explain(err)));
      if (err.status === 401) return;
    }
    timer = setTimeout(load, every);
  }

  async function act(target, verb) {
    try {
      const answer = await request(path + (verb && "/" + verb), { method: verb ? "POST" : "DELETE", query: { target }, signal: stop.signal });
      draw(await answer.json());
    } catch (err) {
      if (err.name !== "AbortError") say(err.message);
    }
  }

  function button(label, target, verb) {
    return h("button.quiet", { type: "button", "aria-label": target ? `${label}: ${target}` : label, onclick: () => act(target, verb) }, label);
  }

  function card(t) {
    const queued = t.files.sealed + t.files.uploading + t.files.uploaded;
    return h("section.card", { "aria-label": t.id },
      h("div.row.between", h("h2", t.id, " ", mark(t.state, t.failures)),
        h("div.row", button(t.failures || t.parked?.length ? "Retry now" : "Send now", t.id, "now"), t.state === "paused" ? button("Resume", t.id, "resume") : button("Pause", t.id, "pause"))),
      h("p.muted", h("code", t.url), t.databases?.length ? ` — databases ${t.databases.join(", ")}` : null, t.kind === "lines" ? null : ` — ${t.format}`),
      t.last_error ? h("p.error", t.last_error, t.state === "waiting" ? `\n${t.failures > 1 ? `Tried ${whole(t.failures)} times; a` : "A"}gain in ${span(t.next_attempt_seconds * 1000)}.` : null) : null,
      t.note ? h("p.note", t.note) : null,
      t.current ? h("div", h("p.muted", `Sending ${t.current.database}/${t.current.table}: ${bytes(t.current.sent_bytes)} of ${bytes(t.current.bytes)}`), meter(t.current.sent_bytes, t.current.bytes, "sent")) : null,
      h("div.grid.two",
        h("div", h("h3", "Waits"), facts([["files", whole(queued)], ["of them ready to go", whole(t.ready_files)], ["rows", count(t.pending_rows)], ["bytes", bytes(t.pending_bytes)], ["oldest", queued ? span(t.oldest_pending_seconds * 1000) : "–"]])),
        h("div", h("h3", "Is there"), facts([["files", whole(t.committed_files)], ["rows", count(t.committed_rows)], ["bytes", bytes(t.committed_bytes)], ["newest", t.committed_at ? ago(Date.parse(t.committed_at), Date.now()) : "–"], ["sent since the start", bytes(t.sent_bytes)]]))),
      t.parked?.length ? h("div", h("h3", `Set aside: ${whole(t.files.parked)} files that failed for good`), h("p.muted", "Retry now tries them again."),
        scroller("Files set aside", h("table", h("thead", h("tr", ["Table", "Size", "Tries", "Why"].map((x) => h("th", { scope: "col" }, x)))),
          h("tbody", t.parked.map((p) => h("tr", h("th", { scope: "row" }, `${p.database}/${p.table}`), h("td", bytes(p.bytes)), h("td", whole(p.attempts)), h("td", p.error))))))) : null);
  }

  load();
  return () => { clearTimeout(timer); stop.abort(); };
}

// mark is a target's state: what it does, and whether the link works.
function mark(state, failures) {
  return h("span.tag." + (failures ? "error" : state === "paused" ? "warn" : "on"), failures ? "link down" : state);
}

// overviewCard shows the targets among the live numbers.
export function overviewCard(el, targets) {
  fill(el, targets.length ? targets.map((t) => h("div", h("p", h("a", { href: "#/sync" }, t.id), " ", mark(t.state, t.failures)),
    facts([["waits", t.pending_files ? `${bytes(t.pending_bytes)}, ${count(t.pending_rows)} rows` : "nothing"], t.pending_files ? ["oldest", span(t.oldest_pending_seconds * 1000)] : null, t.parked_files ? ["set aside", whole(t.parked_files) + " files"] : null].filter(Boolean)),
    t.failures ? h("p.muted", t.error) : null)) : h("p.muted", "No sync target."));
}
