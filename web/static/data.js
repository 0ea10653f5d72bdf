// Data: databases, their tables, and what is in one.
import { databases, ident, literal, request, rows, parse, lines } from "./api.js";
import { bytes, count, explain, fill, h, scroller, span, whole } from "./dom.js";
import { exact } from "./chart.js";
import { table } from "./table.js";

const link = (...parts) => "#/data/" + parts.map(encodeURIComponent).join("/");

export function show(root, { parts: [db, name] }) {
  const stop = new AbortController();
  const body = h("div", h("p.muted", "Loading…"));
  const path = h("nav.path", { "aria-label": "Place" }, h("a", { href: "#/data" }, "Databases"), db ? [" / ", h("a", { href: link(db) }, db)] : null, name ? [" / ", h("span", name)] : null);
  fill(root, h("h1.unseen", name || db || "Databases"), path, body);
  const view = name ? oneTable(db, name, stop.signal) : db ? tables(db, stop.signal) : all(stop.signal);
  view.then((content) => fill(body, content), (err) => { if (err.name !== "AbortError") fill(body, explain(err)); });
  return () => stop.abort();
}

// grid is a plain table: heads are texts, or [text, "num"] for numbers.
function grid(label, heads, lines) {
  return scroller(label, h("table", h("thead", h("tr", heads.map((t) => Array.isArray(t) ? h("th.num", { scope: "col" }, t[0]) : h("th", { scope: "col" }, t)))), h("tbody", lines)));
}

const empty = (text) => h("section.card", h("p.muted", text));

async function all(signal) {
  const [names, info, tabs] = await Promise.all([databases(signal),
    rows("_internal", "SELECT database_name, retention_period_ns FROM system.databases WHERE NOT deleted", signal),
    rows("_internal", "SELECT database_name, count(*) AS n FROM system.tables WHERE NOT deleted GROUP BY database_name", signal)]);
  if (!names.length) return empty("There is no database yet. Writing to one makes it: tarn write -d home 'home,room=kitchen temp=21.5'");
  const files = await Promise.all(names.map((n) => rows(n, "SELECT count(*) AS files, sum(size_bytes) AS bytes, sum(row_count) AS n FROM system.parquet_files", signal)));
  const of = (list, n) => list.find((r) => r.database_name === n) || {};
  return h("section.card", grid("Databases", ["Database", ["Tables", "num"], ["Rows in files", "num"], ["Size of files", "num"], "Kept"], names.map((n, i) => {
    const f = files[i][0], keep = of(info, n).retention_period_ns;
    return h("tr", h("th", { scope: "row" }, h("a", { href: link(n) }, n)), h("td.num", whole(of(tabs, n).n || 0)), h("td.num", count(f.n || 0)), h("td.num", bytes(f.bytes || 0)), h("td", keep ? span(keep / 1e6) : "for ever"));
  })), h("p.muted", "What was written lately is in the log and the buffer, not in files yet."));
}

async function tables(db, signal) {
  const [list, files] = await Promise.all([
    rows(db, "SELECT table_name, count(*) AS n FROM information_schema.columns WHERE table_schema = 'iox' GROUP BY table_name ORDER BY table_name", signal),
    rows(db, "SELECT table_name, count(*) AS files, sum(size_bytes) AS bytes FROM system.parquet_files GROUP BY table_name", signal)]);
  if (!list.length) return empty("This database has no table yet.");
  const size = Object.fromEntries(files.map((f) => [f.table_name, f]));
  const cells = {};
  const filter = h("input", { type: "search", placeholder: "Filter tables", "aria-label": "Filter tables", oninput: () => {
    for (const { table_name: t } of list) cells[t].row.hidden = !t.toLowerCase().includes(filter.value.toLowerCase());
  } });
  const body = list.map(({ table_name: t, n }) => {
    const c = (cells[t] = { rows: h("td.num", "…"), range: h("td", "…") });
    return (c.row = h("tr", h("th", { scope: "row" }, h("a", { href: link(db, t) }, t)), h("td.num", whole(n)), c.rows, c.range, h("td.num", size[t] ? bytes(size[t].bytes) : "–"), h("td.num", size[t] ? whole(size[t].files) : "–")));
  });
  // Counting is cheap but not free: some tables at a time, after the list.
  (async () => {
    for (let i = 0; i < list.length; i += 10) {
      const some = list.slice(i, i + 10);
      const found = await rows(db, some.map(({ table_name: t }) => `SELECT ${literal(t)} AS t, count(*) AS n, min(time) AS a, max(time) AS b FROM ${ident(t)}`).join(" UNION ALL "), signal);
      for (const f of found) {
        fill(cells[f.t].rows, count(f.n));
        fill(cells[f.t].range, f.a ? range(f.a, f.b) : "–");
      }
    }
  })().catch((err) => { if (err.name !== "AbortError") for (const c of Object.values(cells)) for (const td of [c.rows, c.range]) if (td.textContent === "…") fill(td, "–"); });
  return h("section.card", list.length > 8 ? h("div.row", filter) : null,
    grid("Tables of " + db, ["Table", ["Columns", "num"], ["Rows", "num"], "From – to (UTC)", ["Size of files", "num"], ["Files", "num"]], body));
}

const minutes = (t) => t.replace("T", " ").slice(0, 16);
const range = (a, b) => minutes(a) + " – " + minutes(b);

async function oneTable(db, name, signal) {
  const from = ident(name);
  const [columns, totals, files, last] = await Promise.all([
    rows(db, `SELECT key, data_type FROM system.influxdb_schema WHERE measurement = ${literal(name)}`, signal),
    rows(db, `SELECT count(*) AS n, min(time) AS a, max(time) AS b FROM ${from}`, signal),
    rows(db, `SELECT path, size_bytes, row_count, min_time, max_time FROM system.parquet_files WHERE table_name = ${literal(name)} ORDER BY min_time DESC`, signal),
    newest(db, `SELECT * FROM ${from} ORDER BY time DESC LIMIT 10`, signal)]);
  const t = totals[0], kinds = { time: 0, tag: 1 };
  columns.sort((a, b) => (kinds[a.data_type] ?? 2) - (kinds[b.data_type] ?? 2) || (a.key < b.key ? -1 : 1));
  const fields = columns.filter((c) => ["integer", "uinteger", "float"].includes(c.data_type)).slice(0, 3).map((c) => ident(c.key));
  const tags = columns.filter((c) => c.data_type === "tag").map((c) => ident(c.key));
  const q = `SELECT time, ${[...tags, ...(fields.length ? fields : ["*"])].join(", ")}\nFROM ${from}\nWHERE time > now() - INTERVAL '1 hour'\nORDER BY time`;
  const size = files.reduce((n, f) => n + f.size_bytes, 0);
  return [
    h("section.card", h("dl.facts.wide", [["rows", whole(t.n)], ["from", t.a ? t.a.replace("T", " ") : "–"], ["to", t.b ? t.b.replace("T", " ") : "–"], ["size of files", bytes(size)], ["files", whole(files.length)]].map(([k, v]) => h("div", h("dt", k), h("dd", v)))),
      h("a.button", { href: "#/explore?" + new URLSearchParams({ db, lang: "sql", q: fields.length ? q : `SELECT * FROM ${from} ORDER BY time DESC LIMIT 100` }) }, "Explore")),
    h("section.card", h("h2", "Newest rows"), last),
    h("section.card", h("h2", `Columns (${columns.length})`), grid("Columns of " + name, ["Column", "Kind", "Type"], columns.map((c) =>
      h("tr", h("th", { scope: "row" }, c.key), h("td", kinds[c.data_type] === undefined ? "field" : c.data_type), h("td", { time: "timestamp", tag: "string" }[c.data_type] || c.data_type))))),
    files.length ? h("section.card", h("details", h("summary", `Files (${files.length})`), grid("Files of " + name, ["Path", ["Rows", "num"], ["Size", "num"], "From – to (UTC)"], files.slice(0, 200).map((f) =>
      h("tr", h("td", h("code", f.path)), h("td.num", whole(f.row_count)), h("td.num", bytes(f.size_bytes)), h("td", range(exact(f.min_time / 1e6), exact(f.max_time / 1e6)))))))) : null,
  ];
}

async function newest(db, q, signal) {
  const response = await request("api/v3/query_sql", { method: "POST", json: { db, q, format: "jsonl" }, headers: { "Tarn-Columns": "1" }, signal });
  const columns = JSON.parse(response.headers.get("Tarn-Columns")).map(([name, type]) => ({ name, type }));
  columns.sort((a, b) => (b.name === "time") - (a.name === "time"));
  const list = [];
  for await (const line of lines(response)) {
    const row = parse(line);
    list.push(columns.map((c) => row[c.name] ?? null));
  }
  return list.length ? table(columns, list, { sortable: false }) : h("p.muted", "There is no row.");
}

