// The query box: a text area with completion of tables, columns and words.
import { rows } from "./api.js";
import { fill, h } from "./dom.js";

const words = {
  sql: ("SELECT FROM WHERE GROUP BY ORDER BY LIMIT OFFSET AS AND OR NOT IN BETWEEN LIKE ILIKE IS NULL DISTINCT ON JOIN LEFT RIGHT FULL INNER CROSS USING UNION ALL INTERSECT EXCEPT WITH HAVING CASE WHEN THEN ELSE END CAST INTERVAL " +
    "DESC ASC NULLS FIRST LAST OVER PARTITION EXPLAIN ANALYZE SHOW TABLES COLUMNS time now() count( sum( avg( min( max( median( stddev( first_value( last_value( date_bin( date_bin_gapfill( date_trunc( " +
    "date_part( locf( interpolate( selector_first( selector_last( selector_min( selector_max( approx_percentile_cont( approx_distinct( coalesce( round( abs( lag( lead( row_number( lower( upper( concat( regexp_like( last_cache( distinct_cache( " +
    "information_schema.columns information_schema.tables system.queries system.parquet_files").split(" "),
  influxql: ("SELECT FROM WHERE GROUP BY ORDER BY LIMIT SLIMIT OFFSET AND OR AS INTO fill(none) fill(null) fill(previous) fill(linear) fill(0) tz( time time( now() DESC ASC SHOW MEASUREMENTS TAG KEYS VALUES FIELD SERIES DATABASES RETENTION POLICIES " +
    "WITH KEY mean( median( mode( count( sum( min( max( first( last( top( bottom( percentile( spread( stddev( distinct( derivative( non_negative_derivative( difference( non_negative_difference( moving_average( cumulative_sum( integral( elapsed( " +
    "holt_winters( abs( round( floor( ceil( ln( log( pow( sqrt(").split(" "),
  promql: ("rate( irate( increase( delta( idelta( deriv( sum( avg( min( max( count( stddev( topk( bottomk( quantile( count_values( by( without( on( ignoring( group_left group_right offset bool and or unless avg_over_time( min_over_time( max_over_time( " +
    "sum_over_time( count_over_time( last_over_time( quantile_over_time( predict_linear( histogram_quantile( label_replace( label_join( absent( scalar( vector( time() timestamp( sort( sort_desc( clamp( round( abs( ceil( floor( changes( resets( __field__ __name__").split(" "),
};

// schema of a database: [{table, column, type}], asked for once a minute.
const known = new Map();
export function schema(db) {
  const k = known.get(db);
  if (k && Date.now() - k.at < 60000) return k.list;
  const list = rows(db, "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'iox' ORDER BY table_name, column_name")
    .catch(() => { known.delete(db); return []; });
  known.set(db, { at: Date.now(), list });
  return list;
}

const plain = { sql: /^[a-z_][a-z0-9_]*$/, influxql: /^[A-Za-z_][A-Za-z0-9_]*$/, promql: /^[A-Za-z_:][A-Za-z0-9_:]*$/ };

// suggest lists what may complete the word at the end of text: {text, kind}.
async function suggest(text, { db, lang }, whole, forced) {
  const word = /["`]?[\p{L}\p{N}_.:]*$/u.exec(text)[0];
  const typed = word.replace(/^["`]/, "").toLowerCase();
  if (!typed && !forced) return { word, list: [] };
  const columns = db ? await schema(db) : [];
  const tables = [...new Set(columns.map((c) => c.table_name))];
  const named = new Set(tables.filter((t) => whole.includes(t)));
  const quote = (name) => plain[lang].test(name) ? name : lang === "promql" ? `{__name__="${name}"}` : '"' + name.replaceAll('"', lang === "sql" ? '""' : '\\"') + '"';
  const list = [], seen = new Set();
  const add = (name, insert, kind, rank) => {
    if (seen.has(insert) || !name.toLowerCase().includes(typed) || insert === word) return;
    seen.add(insert);
    list.push({ text: insert, kind, rank: rank + (name.toLowerCase().startsWith(typed) ? 0 : 10) });
  };
  const afterFrom = /\b(from|join|into|update|table)\s+["`]?[\p{L}\p{N}_.:]*$/iu.test(text);
  for (const t of tables) add(t, quote(t), lang === "influxql" ? "measurement" : lang === "promql" ? "metric" : "table", afterFrom ? 0 : 3);
  for (const c of columns) {
    const tag = c.data_type.startsWith("Dictionary");
    if (lang === "promql" && !tag) continue;
    add(c.column_name, quote(c.column_name), tag ? "tag" : c.column_name === "time" ? "time" : "field", named.has(c.table_name) ? 1 : 4);
  }
  if (typed && !word.startsWith('"')) {
    const lower = /[a-z]/.test(word) && !/[A-Z]/.test(word);
    for (const w of words[lang]) if (w.toLowerCase().startsWith(typed)) add(w, lower && /^[A-Z]+$/.test(w) ? w.toLowerCase() : w, w.includes("(") ? "function" : "word", 2);
  }
  list.sort((a, b) => a.rank - b.rank || a.text.length - b.text.length || (a.text < b.text ? -1 : 1));
  return { word, list: list.slice(0, 12) };
}

// editor makes the box. context() tells database and language, run is called
// for Ctrl+Enter.
export function editor({ value, context, run }) {
  const list = h("ul.options", { id: "options", role: "listbox", "aria-label": "Completions", hidden: true });
  const area = h("textarea", { id: "query", rows: "5", spellcheck: "false", autocapitalize: "off", autocomplete: "off", autocorrect: "off", wrap: "off", value,
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "options", "aria-label": "Query", "aria-describedby": "query-help" });
  const box = h("div.editor", area, list);
  let found = null, chosen = 0, turn = 0;

  function close() {
    found = null;
    list.hidden = true;
    area.setAttribute("aria-expanded", "false");
    area.removeAttribute("aria-activedescendant");
  }

  function draw() {
    fill(list, found.list.map((o, i) => h("li", { id: "option-" + i, role: "option", "aria-selected": String(i === chosen),
      onpointerdown: (e) => { e.preventDefault(); accept(i); } }, h("span", o.text), h("small", o.kind))));
    area.setAttribute("aria-activedescendant", "option-" + chosen);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  async function open(forced) {
    const mine = ++turn, end = area.selectionStart;
    const s = await suggest(area.value.slice(0, end), context(), area.value, forced);
    if (mine !== turn || document.activeElement !== area) return;
    if (!s.list.length) return close();
    found = { ...s, end };
    chosen = 0;
    list.hidden = false;
    area.setAttribute("aria-expanded", "true");
    place(s.word.length);
    draw();
  }

  // place puts the list below the word. Lines do not wrap and the font is
  // fixed, so counting does.
  function place(back) {
    const css = getComputedStyle(area), before = area.value.slice(0, area.selectionStart).split("\n");
    const probe = document.createElement("canvas").getContext("2d");
    probe.font = `${css.fontSize} ${css.fontFamily}`;
    const x = parseFloat(css.paddingLeft) + probe.measureText("0").width * (before.at(-1).length - back) - area.scrollLeft;
    const y = parseFloat(css.paddingTop) + parseFloat(css.lineHeight) * before.length - area.scrollTop;
    list.style.left = Math.max(0, Math.min(x, area.clientWidth - 220)) + "px";
    list.style.top = Math.min(y, area.clientHeight) + 2 + "px";
  }

  function accept(i) {
    const { word, end } = found, text = found.list[i].text;
    close();
    area.setRangeText(text + (text.endsWith("(") || text.endsWith(".") ? "" : " "), end - word.length, end, "end");
    area.dispatchEvent(new Event("change"));
    turn++;
    grow();
  }

  function grow() {
    area.rows = Math.max(4, Math.min(16, area.value.split("\n").length + 1));
  }

  area.addEventListener("input", () => { grow(); open(false); });
  area.addEventListener("blur", close);
  area.addEventListener("click", close);
  area.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      close();
      run();
    } else if (e.key === " " && e.ctrlKey) {
      e.preventDefault();
      open(true);
    } else if (found && !list.hidden) {
      const n = found.list.length;
      if (e.key === "ArrowDown" || e.key === "ArrowUp") chosen = (chosen + (e.key === "ArrowDown" ? 1 : n - 1)) % n;
      else if ((e.key === "Enter" || e.key === "Tab") && !e.shiftKey) { e.preventDefault(); return accept(chosen); }
      else if (e.key === "Escape") { e.preventDefault(); return close(); }
      else if (e.key === "ArrowLeft" || e.key === "ArrowRight") return close();
      else return;
      e.preventDefault();
      draw();
    }
  });
  grow();
  return { box, area, set: (text) => { area.value = text; grow(); close(); } };
}
