// Triggers & pipelines: Python plugins that run in the server, and the rules
// that take log lines apart.
import { databases, getJSON, missing, request, rows } from "./api.js";
import { explain, fill, h, instant, say, scroller } from "./dom.js";

const configure = "api/v3/configure/processing_engine_trigger";

export function show(root) {
  const stop = new AbortController();
  const list = h("div", h("p.muted", "Loading…")), logs = h("div"), pipes = h("div", h("p.muted", "Loading…"));
  const refresh = h("button.quiet", { type: "button", onclick: load }, "Refresh");
  fill(root, h("h1.unseen", "Triggers and pipelines"), h("section.card", h("div.row.between", h("h2", "Triggers"), refresh), list),
    h("section.card", h("h2", "Logs of triggers"), logs), h("section.card", h("h2", "Pipelines"), pipes));

  async function load() {
    try {
      const names = await databases(stop.signal);
      const all = (await Promise.all(names.map(async (db) => (await rows(db, "SELECT * FROM system.processing_engine_triggers ORDER BY trigger_name", stop.signal)).map((t) => ({ db, ...t }))))).flat();
      fill(list, all.length ? scroller("Triggers", h("table", h("thead", h("tr", ["Trigger", "Database", "Plugin", "Runs", "State", ""].map((t) => h("th", { scope: "col" }, t)))), h("tbody", all.map(row))))
        : h("p.muted", "There is none. ", h("code", "tarn create trigger"), " or ", h("code", "influxdb3 create trigger"), " makes one."));
      const entries = (await Promise.all(names.map((db) => rows(db, "SELECT event_time, trigger_name, log_level, log_text FROM system.processing_engine_logs ORDER BY event_time DESC LIMIT 100", stop.signal)))).flat();
      entries.sort((a, b) => (a.event_time < b.event_time ? 1 : -1)).splice(100);
      fill(logs, entries.length ? h("ul.problems", entries.map((e) => h("li", h("span.tag." + (e.log_level || "").toLowerCase(), e.log_level), " ", h("time", e.event_time.replace("T", " ").slice(0, 19)), " ", h("b", e.trigger_name), h("code", e.log_text)))) : h("p.muted", "Nothing was logged since the start."));
    } catch (err) {
      if (err.name !== "AbortError") fill(list, explain(err));
    }
  }

  function row(t) {
    const action = t.disabled ? "enable" : "disable";
    return h("tr", h("th", { scope: "row" }, t.trigger_name), h("td", t.db), h("td", h("code", t.plugin_filename)), h("td", when(t.trigger_specification)),
      h("td", h("span.tag." + (t.disabled ? "off" : "on"), t.disabled ? "disabled" : "enabled"), t.error_behavior ? h("small.muted", " on errors: " + t.error_behavior) : null),
      h("td.end", h("button.quiet", { type: "button", "aria-label": `${action} ${t.trigger_name}`, onclick: async (e) => {
        e.currentTarget.disabled = true;
        try {
          await request(`${configure}/${action}`, { method: "POST", query: { db: t.db, trigger_name: t.trigger_name } });
        } catch (err) {
          say(missing(err) ? "This server has no processing engine." : err.message);
        }
        load();
      } }, t.disabled ? "Enable" : "Disable")));
  }

  async function loadPipelines() {
    try {
      const found = await getJSON("api/v3/tarn/pipelines", { signal: stop.signal });
      fill(pipes, found.length ? scroller("Pipelines", h("table", h("thead", h("tr", ["Pipeline", "Versions", "Newest", ""].map((t) => h("th", { scope: "col" }, t)))), h("tbody", found.map((p) => {
        const text = h("div");
        return h("tr", h("th", { scope: "row" }, p.name), h("td", p.versions), h("td", instant(p.created_ms)), h("td", h("details", { ontoggle: async (e) => {
          if (!e.currentTarget.open || text.textContent) return;
          try {
            const answer = await (await request("v1/pipelines/" + encodeURIComponent(p.name), { signal: stop.signal })).json();
            fill(text, h("pre", answer.pipelines[0].pipeline));
          } catch (err) {
            fill(text, explain(err));
          }
        } }, h("summary", "Show ", h("span.unseen", p.name)), text)));
      })))) : h("p.muted", "There is none. ", h("code", "POST /v1/pipelines/NAME"), " makes one."));
    } catch (err) {
      if (err.name !== "AbortError") fill(pipes, explain(err));
    }
  }

  load();
  loadPipelines();
  return () => stop.abort();
}

// when reads the JSON of a trigger's specification.
function when(text) {
  let s;
  try { s = JSON.parse(text); } catch { return text; }
  if (s === "all_tables_wal_write") return "on writes to any table";
  if (s.single_table_wal_write) return "on writes to " + s.single_table_wal_write.table_name;
  if (s.schedule) return "cron " + s.schedule.schedule;
  if (s.every) return `every ${s.every.duration.secs} s`;
  if (s.request_path) return "on requests to /api/v3/engine/" + s.request_path.path;
  return text;
}
