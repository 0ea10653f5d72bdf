// Explore: ask in SQL, InfluxQL or PromQL, see a chart and a table.
import { databases, missing, request } from "./api.js";
import { explain, fill, h, say, whole } from "./dom.js";
import { lineChart } from "./chart.js";
import { editor, schema } from "./editor.js";
import { most, run as runners } from "./queries.js";
import { isNumber, isTime, table } from "./table.js";

const languages = { sql: "SQL", influxql: "InfluxQL", promql: "PromQL" };
const ranges = { 900: "15 minutes", 3600: "1 hour", 21600: "6 hours", 86400: "1 day", 604800: "7 days", 2592000: "30 days" };
const remembered = "tarn.queries";
const mostSeries = 24;

const history = () => {
  try { return JSON.parse(localStorage.getItem(remembered)) || []; } catch { return []; }
};

function remember(entry) {
  const same = (e) => e.lang === entry.lang && e.db === entry.db && e.q === entry.q;
  localStorage.setItem(remembered, JSON.stringify([entry, ...history().filter((e) => !same(e))].slice(0, 50)));
}

export function show(root, { query }) {
  const last = history()[0];
  const state = {
    lang: languages[query.get("lang")] ? query.get("lang") : last?.lang || "sql",
    db: query.get("db") || "", q: query.get("q") ?? "", range: ranges[query.get("range")] ? query.get("range") : "3600",
  };
  const fromURL = state.q !== "" && query.has("q");
  let running = null, chart = null, left = false;

  const db = h("select", { id: "db", onchange: () => { state.db = db.value; schema(state.db); keep(); } });
  const langs = h("div.choice", { role: "radiogroup", "aria-label": "Language" }, Object.entries(languages).map(([key, name]) =>
    h("label", h("input", { type: "radio", name: "lang", value: key, checked: key === state.lang, onchange: () => language(key) }), h("span", name))));
  const range = h("select", { id: "range", value: state.range, onchange: () => { state.range = range.value; keep(); } }, Object.entries(ranges).map(([s, name]) => h("option", { value: s, selected: s === state.range }, "last " + name)));
  const rangeField = h("div.field", h("label", { for: "range" }, "Time"), range);
  const box = editor({ value: state.q, context: () => state, run: go });
  box.area.addEventListener("input", keep);
  box.area.addEventListener("change", keep);
  const start = h("button", { type: "button", onclick: () => running ? running.abort() : go() }, "Run");
  const past = h("details.past", { ontoggle: listPast }, h("summary", "History"));
  const note = h("p.muted", { role: "status" }), out = h("div.out");
  const downloads = h("div.row");

  fill(root, h("h1.unseen", "Explore"), h("section.card", h("div.row.controls", h("div.field", h("label", { for: "db" }, "Database"), db), langs, rangeField),
    box.box, h("div.row.between", h("div.row", start, h("span.muted.hint", { id: "query-help" }, "Ctrl+Enter runs, Ctrl+Space completes")), past)), h("section.card.answer", { hidden: true }, h("div.row.between", note, downloads), out));
  const answer = root.querySelector(".answer");

  function keep() {
    if (left) return; // the URL is another view's now
    state.q = box.area.value;
    const parts = { db: state.db, lang: state.lang, ...(state.lang === "promql" ? { range: state.range } : {}), q: state.q };
    window.history.replaceState(null, "", "#/explore?" + new URLSearchParams(parts));
  }

  function language(key) {
    const untouched = state.q === "" || state.q === example;
    state.lang = key;
    rangeField.hidden = key !== "promql";
    if (untouched) suggestQuery();
    keep();
  }

  // suggestQuery fills an empty box with something that works.
  let example = "";
  async function suggestQuery() {
    const before = box.area.value, columns = await schema(state.db);
    if (box.area.value !== before) return; // somebody was faster
    const first = columns.find((c) => c.data_type === "Float64") || columns.find((c) => isNumber(c.data_type)), t = first?.table_name;
    if (!first) example = "";
    else if (state.lang === "sql") {
      const tag = columns.find((c) => c.table_name === t && c.data_type.startsWith("Dictionary"))?.column_name;
      example = `SELECT date_bin(INTERVAL '1 minute', time) AS time, ${tag ? `"${tag}", ` : ""}avg("${first.column_name}") AS "${first.column_name}"\nFROM "${t}"\nWHERE time > now() - INTERVAL '1 hour'\nGROUP BY 1${tag ? ", 2" : ""} ORDER BY 1`;
    } else if (state.lang === "influxql") example = `SELECT mean("${first.column_name}") FROM "${t}"\nWHERE time > now() - 1h GROUP BY time(1m), *`;
    else example = /^[A-Za-z_]\w*$/.test(t) ? `${t}{__field__="${first.column_name}"}` : `{__name__="${t}", __field__="${first.column_name}"}`;
    box.set(example);
    keep();
  }

  function listPast() {
    if (!past.open) return;
    const list = history();
    past.querySelector(".menu")?.remove();
    past.append(h("div.menu", list.length ? list.map((e) => h("button.quiet", { type: "button", onclick: () => {
      past.open = false;
      location.hash = "#/explore?" + new URLSearchParams({ db: e.db, lang: e.lang, q: e.q });
    } }, h("small", languages[e.lang] + (e.db ? " · " + e.db : "")), h("code", e.q))) : h("p.muted", "Nothing yet.")));
  }

  async function go() {
    if (running) return;
    const q = box.area.value.trim();
    if (!q) { say("The box is empty."); return box.area.focus(); }
    keep();
    running = new AbortController();
    start.textContent = "Stop";
    start.classList.add("busy");
    answer.hidden = false;
    fill(note, "Running…");
    fill(downloads);
    const began = performance.now();
    try {
      const r = await runners[state.lang](state.db, q, running.signal, Number(state.range));
      if (left) return;
      remember({ lang: state.lang, db: state.db, q });
      present(r, q, performance.now() - began);
    } catch (err) {
      chart?.discard();
      fill(out, err.name === "AbortError" ? h("p.muted", "Stopped.") : state.lang === "promql" && missing(err) ? h("p.note", "This server has no PromQL: it answers 404 for /v1/prometheus.") : explain(err));
      fill(note, err.name === "AbortError" ? "" : "The query failed.");
    } finally {
      running = null;
      start.textContent = "Run";
      start.classList.remove("busy");
    }
  }

  function present(r, q, ms) {
    chart?.discard();
    chart = null;
    const took = ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s";
    fill(note, r.cut ? `The first ${whole(most)} rows (there are more) in ${took}` : `${whole(r.rows.length)} ${r.rows.length === 1 ? "row" : "rows"} in ${took}`);
    fill(downloads, downloadButtons(state, q, r));
    if (!r.rows.length) return fill(out, h("p.muted", "The answer is empty."));
    const { series, left } = r.series ? { series: r.series.slice(0, mostSeries), left: Math.max(0, r.series.length - mostSeries) } : seriesOf(r);
    if (series.length) chart = lineChart(series, { label: "Chart of the answer" });
    fill(out, chart, left ? h("p.muted", `The chart has the first ${mostSeries} of ${mostSeries + left} series.`) : null, table(r.columns, r.rows, { label: "Rows of the answer" }));
  }

  databases().then((names) => {
    if (state.db && !names.includes(state.db)) names.push(state.db);
    if (!names.length) fill(out, h("p.muted", "There is no database yet."));
    fill(db, names.map((n) => h("option", { value: n }, n)), h("option", { value: "_internal" }, "_internal"));
    state.db ||= (last && names.includes(last.db) ? last.db : names.includes("telegraf") ? "telegraf" : names[0]) || "_internal";
    db.value = state.db;
    if (!fromURL) return void suggestQuery();
    if (harmless(state)) return void go();
    answer.hidden = false;
    fill(out, h("p.note", "This query came with the address and may change data. Run runs it."));
  }, (err) => { answer.hidden = false; fill(out, explain(err)); });

  rangeField.hidden = state.lang !== "promql";
  return () => {
    left = true;
    running?.abort();
    chart?.discard();
  };
}

// harmless says whether a query can only read. SQL and PromQL cannot write here;
// InfluxQL can, and a link from a stranger must not drop a database. Statements
// are apart by semicolons, so that without one the first word says it.
function harmless({ lang, q }) { return lang !== "influxql" || (/^\s*(select|show|explain)\b[^;]*;?\s*$/i.test(q) && !/\binto\b/i.test(q)); }

// seriesOf finds what to draw in a table: numbers over the first column of
// times, one series for each number and combination of texts.
function seriesOf({ columns, rows }) {
  const t = columns.findIndex((c) => isTime(c.type));
  const values = columns.map((c, i) => i).filter((i) => isNumber(columns[i].type));
  if (t < 0 || !values.length) return { series: [], left: 0 };
  const tags = columns.map((c, i) => i).filter((i) => i !== t && columns[i].type !== "Boolean" && !isNumber(columns[i].type) && !isTime(columns[i].type));
  const found = new Map();
  const times = new Set();
  for (const row of rows) {
    if (row[t] === null) continue;
    const ms = Date.parse(/Z$|[+-]\d\d:\d\d$/.test(row[t]) ? row[t] : row[t] + "Z");
    times.add(ms);
    const key = tags.map((i) => row[i] ?? "").join(", ");
    for (const i of values) {
      const name = values.length > 1 || !key ? [columns[i].name, key].filter(Boolean).join(" · ") : key;
      let s = found.get(name);
      if (!s) found.set(name, (s = { name, points: [] }));
      s.points.push([ms, row[i] === null ? null : Number(row[i])]);
    }
  }
  if (times.size < 2) return { series: [], left: 0 };
  const all = [...found.values()].filter((s) => s.points.some((p) => p[1] !== null));
  for (const s of all) s.points.sort((a, b) => a[0] - b[0]);
  return { series: all.slice(0, mostSeries), left: Math.max(0, all.length - mostSeries) };
}

// downloadButtons save the whole answer, not only the rows shown. PromQL has no
// files: what is shown becomes CSV.
function downloadButtons({ lang, db }, q, r) {
  const save = (blob, ending) => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: "tarn-" + new Date().toISOString().slice(0, 19).replaceAll(":", "") + "." + ending }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  const from = (format) => async (e) => {
    const button = e.currentTarget;
    button.disabled = true;
    try {
      const response = await request("api/v3/query_" + lang, { method: "POST", json: { db, q, format } });
      save(await response.blob(), format);
    } catch (err) {
      say(err.message);
    } finally {
      button.disabled = false;
    }
  };
  const cells = (list) => list.map((v) => v === null ? "" : /[",\r\n]/.test(v) ? '"' + String(v).replaceAll('"', '""') + '"' : v).join(",") + "\n";
  const shown = () => save(new Blob([cells(r.columns.map((c) => c.name)), ...r.rows.map(cells)], { type: "text/csv" }), "csv");
  const button = (text, name, f) => h("button.quiet", { type: "button", onclick: f, "aria-label": name }, text);
  return lang === "promql" ? button("CSV", "Download as CSV", shown)
    : [button("CSV", "Download as CSV", from("csv")), button("Parquet", "Download as Parquet", from("parquet"))];
}
