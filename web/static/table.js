// The table of an answer: {name, type} columns and rows as arrays.
import { fill, h, scroller } from "./dom.js";

const page = 500;
export const isTime = (type) => /^Timestamp/.test(type);
export const isNumber = (type) => /^(U?Int|Float)\d+$/.test(type);

export function table(columns, rows, { sortable = true, label = "Rows" } = {}) {
  const body = h("tbody"), more = h("div.row");
  let order = rows, sorted = null, shown = 0;

  function add() {
    const next = order.slice(shown, shown + page);
    body.append(...next.map((r) => h("tr", r.map((v, i) => cell(columns[i], v)))));
    shown += next.length;
    const left = order.length - shown;
    fill(more, left > 0 ? h("button.quiet", { type: "button", onclick: add }, `Show ${Math.min(left, page)} more of ${left}`) : null);
  }

  function sort(i, heads) {
    const up = !(sorted && sorted[0] === i && sorted[1]);
    sorted = [i, up];
    const number = isNumber(columns[i].type);
    order = [...rows].sort((a, b) => compare(a[i], b[i], number) * (up ? 1 : -1));
    heads.forEach((th, k) => k === i ? th.setAttribute("aria-sort", up ? "ascending" : "descending") : th.removeAttribute("aria-sort"));
    body.replaceChildren();
    shown = 0;
    add();
  }

  const heads = columns.map((c, i) => h(isNumber(c.type) ? "th.num" : "th", { scope: "col", title: c.type },
    sortable ? h("button.head", { type: "button", title: `${c.type}; sort`, onclick: () => sort(i, heads) }, c.name) : c.name));
  add();
  return h("div", scroller(label, h("table.result", h("thead", h("tr", heads)), body)), more);
}

function compare(a, b, number) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (number) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function cell(column, v) {
  if (v === null) return h("td.null", { "aria-label": "null" }, "–");
  if (isTime(column.type)) return h("td.time", String(v).replace("T", " "));
  if (isNumber(column.type)) return h("td.num", String(v));
  return h("td", typeof v === "object" ? JSON.stringify(v) : String(v));
}
