// Runs queries of the three languages. Each answer becomes
// {columns: [{name, type}], rows: [[...]], cut, series?}: cut says that there
// were more rows, series is what to draw when the answer says so itself.
import { Failure, lines, parse, request } from "./api.js";

export const most = 10000;

export const run = { sql, influxql, promql };

async function sql(db, q, signal) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const response = await request("api/v3/query_sql", { method: "POST", json: { db, q, format: "jsonl" }, headers: { "Tarn-Columns": "1" }, signal: stop.signal });
  const columns = JSON.parse(response.headers.get("Tarn-Columns") || "[]").map(([name, type]) => ({ name, type }));
  const list = [];
  for await (const line of lines(response)) {
    if (list.length === most) {
      stop.abort(); // the server stops as well
      return { columns, rows: list, cut: true };
    }
    const row = parse(line);
    list.push(columns.map((c) => row[c.name] ?? null));
  }
  return { columns, rows: list };
}

async function influxql(db, q, signal) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const response = await request("query", { method: "POST", form: { db, q, chunked: "true", chunk_size: "1000" }, signal: stop.signal });
  const series = [];
  let n = 0, cut = false;
  for await (const line of lines(response)) {
    for (const r of parse(line).results || []) {
      if (r.error) throw new Failure(200, r.error);
      for (const s of r.series || []) {
        series.push(s);
        n += s.values?.length || 0;
      }
    }
    if (n >= most) {
      cut = true;
      stop.abort();
      break;
    }
  }
  // One table for all: the measurement where it differs, tags, then columns.
  const named = new Set(series.map((s) => s.name || "")).size > 1;
  const tags = [...new Set(series.flatMap((s) => Object.keys(s.tags || {})))];
  const names = [...new Set(series.flatMap((s) => s.columns || []))];
  const out = [];
  for (const s of series) {
    const at = names.map((c) => s.columns.indexOf(c));
    for (const v of s.values || []) out.push([...(named ? [s.name] : []), ...tags.map((k) => s.tags?.[k] ?? null), ...at.map((i) => i < 0 ? null : v[i])]);
  }
  const lead = (named ? 1 : 0) + tags.length;
  const columns = [...(named ? ["name"] : []), ...tags].map((name) => ({ name, type: "Utf8" }));
  names.forEach((name, i) => columns.push({ name, type: name === "time" ? "Timestamp" : guess(out, lead + i) }));
  // Rows of several series come one after the other; time first reads better.
  const t = columns.findIndex((c) => c.name === "time");
  if (t > 0) for (const list of [columns, ...out]) list.unshift(...list.splice(t, 1));
  return { columns, rows: out, cut };
}

// guess is the type of a column by its values, for an answer without types.
function guess(rows, i) {
  const values = rows.filter((r) => r[i] !== null).map((r) => r[i]);
  // Large integers come as their digits; so do texts of digits, rarely.
  if (values.length && values.every((v) => typeof v === "number" || /^-?\d{16,20}$/.test(v))) return "Float64";
  return values.length && values.every((v) => typeof v === "boolean") ? "Boolean" : "Utf8";
}

async function promql(db, q, signal, seconds) {
  // Whole steps, as Grafana asks: the same points each time.
  const step = Math.max(1, Math.ceil(seconds / 500)), end = Math.floor(Date.now() / 1000 / step) * step;
  const response = await request("v1/prometheus/api/v1/query_range", { query: { db, query: q, start: end - Math.floor(seconds / step) * step, end, step }, signal });
  const result = (await response.json()).data.result;
  const labels = [...new Set(result.flatMap((s) => Object.keys(s.metric)))].sort();
  const columns = [{ name: "time", type: "Timestamp" }, ...labels.map((name) => ({ name, type: "Utf8" })), { name: "value", type: "Float64" }];
  const out = [], series = [];
  let cut = false;
  for (const s of result) {
    const { __name__: metric = "", ...rest } = s.metric;
    const text = Object.entries(rest).map(([k, v]) => `${k}=${v}`).join(", ");
    const points = s.values.map(([t, v]) => [t * 1000, number(v)]);
    // A hole in time is a hole in the line.
    const gaps = [];
    points.forEach((p, i) => {
      if (i && p[0] - points[i - 1][0] > step * 1500) gaps.push([points[i - 1][0] + 1, null]);
      gaps.push(p);
    });
    series.push({ name: [metric, text].filter(Boolean).join(" ") || "value", points: gaps });
    for (const [t, v] of s.values) {
      if (out.length === most) { cut = true; break; }
      out.push([new Date(t * 1000).toISOString(), ...labels.map((l) => s.metric[l] ?? null), v]);
    }
  }
  return { columns, rows: out, cut, series };
}

const number = (text) => ({ "+Inf": Infinity, "-Inf": -Infinity }[text] ?? (text === "NaN" ? null : Number(text)));
