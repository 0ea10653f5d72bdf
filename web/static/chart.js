// Line charts on a canvas: several series over time, a read-out under the
// pointer or the arrow keys, zoom by dragging, buttons or keys. And sparklines.
import { h, svg } from "./dom.js";

// A series is {name, points: [[ms, number or null], ...]}, sorted by time.

const dashes = [[], [6, 3], [2, 3]];
const colours = 8;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// short writes a number for an axis or a read-out.
export function short(v, precision = 6) {
  if (v === null || !Number.isFinite(v)) return "–";
  const a = Math.abs(v);
  if (a !== 0 && (a >= 1e15 || a < 1e-6)) return v.toExponential(2);
  return String(+v.toPrecision(precision)).replace(/^(-?\d+)(\.\d+)?$/, (_, int, frac = "") => int.replace(/\B(?=(\d{3})+$)/g, "\u202f") + frac);
}

// stepOf is the smallest step of 1, 2 or 5 times a power of ten that is not
// below rough.
function stepOf(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
}

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
const timeSteps = [second, 2 * second, 5 * second, 10 * second, 15 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute,
  30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 91 * day, 182 * day, 365 * day];

function clock(ms, step) {
  const iso = new Date(ms).toISOString();
  if (step >= day) return iso.slice(0, 10);
  if (ms % day === 0) return iso.slice(5, 10);
  if (step >= minute) return iso.slice(11, 16);
  return step >= second ? iso.slice(11, 19) : iso.slice(14, 23);
}

// exact is an instant for the read-out.
export function exact(ms) { return new Date(ms).toISOString().replace("T", " ").replace(/(\.000)?Z$/, ""); }

// lineChart returns a figure that draws the series.
export function lineChart(series, { label = "Line chart" } = {}) {
  const canvas = h("canvas", { tabindex: "0", role: "img" });
  const tip = h("div.tip", { hidden: true });
  const spoken = h("p.unseen", { "aria-live": "polite" });
  const button = (text, name, f) => h("button.quiet", { type: "button", title: name, "aria-label": name, onclick: f }, text);
  const tools = h("div.tools", button("−", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(0.5)), button("All", "Show the whole range", reset));
  const legend = h("div.legend", { role: "group", "aria-label": "Series" });
  const figure = h("figure.chart", h("div.plot", canvas, tip), spoken, h("figcaption", legend, tools));

  series.forEach((s, i) => {
    s.colour = "--s" + (i % colours);
    s.dash = dashes[Math.floor(i / colours) % dashes.length];
    s.hidden = false;
    const swatch = svg("svg", { width: 18, height: 8, "aria-hidden": "true" }, svg("line.s" + (i % colours), { x1: 0, x2: 18, y1: 4, y2: 4, "stroke-dasharray": s.dash.join(" ") }));
    legend.append(h("button.key", { type: "button", "aria-pressed": "true", title: "Show or hide", onclick: (e) => {
      s.hidden = !s.hidden;
      e.currentTarget.setAttribute("aria-pressed", String(!s.hidden));
      draw();
    } }, swatch, h("span", s.name)));
  });

  let from = Infinity, to = -Infinity;
  for (const s of series) {
    for (const [t, v] of s.points) {
      if (v === null) continue;
      if (t < from) from = t;
      if (t > to) to = t;
    }
  }
  if (from === to) { from -= minute; to += minute; }
  const whole = [from, to];
  let view = [from, to], cursor = null, drag = null, size = [0, 0], scale = null;
  canvas.setAttribute("aria-label", `${label}: ${series.length} series from ${exact(from)} to ${exact(to)} UTC. Arrow keys read values, plus and minus zoom, 0 shows all; the table below has the same numbers.`);

  function reset() { view = [...whole]; draw(); }

  function zoom(factor, centre = cursor ?? (view[0] + view[1]) / 2) {
    let a = centre - (centre - view[0]) * factor, b = centre + (view[1] - centre) * factor;
    if (b - a < 0.001) return;
    a = Math.max(a, whole[0]);
    b = Math.min(b, whole[1]);
    view = [a, b];
    draw();
  }

  // visible are the indexes of the points to draw, with one beyond each side.
  function visible(points) {
    return [Math.max(0, lower(points, view[0]) - 1), Math.min(points.length, lower(points, view[1]) + 2)];
  }

  function draw() {
    const ratio = devicePixelRatio || 1, [w, hgt] = size;
    if (!w) return;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(hgt * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(hgt * ratio);
    }
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, w, hgt);
    c.font = "12px " + style("--font");

    let lo = Infinity, hi = -Infinity;
    for (const s of series) {
      if (s.hidden) continue;
      const [i, j] = visible(s.points);
      for (let k = i; k < j; k++) {
        const [t, v] = s.points[k];
        if (v === null || t < view[0] || t > view[1]) continue;
        if (v < lo) lo = v;
        if (v > hi) hi = v;
      }
    }
    if (lo > hi) { lo = 0; hi = 1; }
    if (lo === hi) { const d = Math.abs(lo) / 10 || 1; lo -= d; hi += d; }
    // A series near zero is shown with zero: heights then mean something.
    if (lo > 0 && lo < (hi - lo) / 2) lo = 0;
    const step = stepOf((hi - lo) / Math.max(2, Math.floor(hgt / 56)));
    lo = Math.floor(lo / step + 1e-9) * step;
    hi = Math.ceil(hi / step - 1e-9) * step;
    const ticks = [];
    for (let i = 0; i <= Math.round((hi - lo) / step); i++) ticks.push(+(lo + i * step).toPrecision(12));
    const left = Math.ceil(Math.max(...ticks.map((v) => c.measureText(short(v)).width))) + 14, top = 8, right = 10, bottom = 24;
    const x = (t) => left + ((t - view[0]) / (view[1] - view[0])) * (w - left - right);
    const y = (v) => top + (1 - (v - lo) / (hi - lo)) * (hgt - top - bottom);
    scale = { x, y, left, right: w - right, time: (px) => view[0] + ((px - left) / (w - left - right)) * (view[1] - view[0]) };

    c.lineWidth = 1;
    c.textBaseline = "middle";
    c.textAlign = "right";
    for (const v of ticks) {
      c.strokeStyle = style("--line");
      rule(c, left, Math.round(y(v)) + 0.5, w - right, Math.round(y(v)) + 0.5);
      c.fillStyle = style("--muted");
      c.fillText(short(v), left - 8, y(v));
    }
    const rough = (view[1] - view[0]) / Math.max(2, Math.floor((w - left) / 90));
    const every = rough < second ? stepOf(rough) : timeSteps.find((s) => s >= rough) || stepOf(rough / (365 * day)) * 365 * day;
    c.textAlign = "center";
    for (let t = Math.ceil(view[0] / every) * every; t <= view[1]; t += every) {
      const px = Math.round(x(t)) + 0.5;
      c.strokeStyle = style("--line");
      rule(c, px, hgt - bottom, px, hgt - bottom + 5);
      c.fillStyle = style("--muted");
      const text = clock(t, every), half = c.measureText(text).width / 2;
      if (px - half >= 0 && px + half <= w) c.fillText(text, px, hgt - bottom + 14);
    }

    c.save();
    c.beginPath();
    c.rect(left, 0, w - left - right, hgt - bottom + 1);
    c.clip();
    for (const s of series) if (!s.hidden) line(c, s, x, y);
    c.restore();

    if (drag && drag.to !== drag.from) {
      c.fillStyle = style("--veil");
      c.fillRect(Math.min(drag.from, drag.to), top, Math.abs(drag.to - drag.from), hgt - top - bottom);
    } else {
      readOut(c, w, top, hgt - bottom);
    }
  }

  // line draws one series; of many points in one column of pixels only the
  // first, lowest, highest and last matter.
  function line(c, s, x, y) {
    c.strokeStyle = c.fillStyle = style(s.colour);
    c.lineWidth = 1.6;
    c.lineJoin = "round";
    c.setLineDash(s.dash);
    c.beginPath();
    const [i, j] = visible(s.points);
    let open = false, column = null, min = 0, max = 0, end = 0, alone = null;
    const flush = () => {
      if (column === null) return;
      if (min !== end || max !== end) {
        c.lineTo(column, y(min));
        c.lineTo(column, y(max));
        c.lineTo(column, y(end));
      }
      column = null;
    };
    const dot = () => {
      if (alone) c.rect(alone[0] - 1, alone[1] - 1, 2, 2);
      alone = null;
    };
    for (let k = i; k < j; k++) {
      const [t, v] = s.points[k];
      if (v === null || !Number.isFinite(v)) {
        flush();
        dot();
        open = false;
        continue;
      }
      const px = x(t), py = y(v);
      if (!open) {
        c.moveTo(px, py);
        alone = [px, py];
        open = true;
      } else if (column !== null && Math.floor(px) === Math.floor(column)) {
        min = Math.min(min, v);
        max = Math.max(max, v);
        end = v;
        alone = null;
        continue;
      } else {
        flush();
        c.lineTo(px, py);
        alone = null;
      }
      column = px;
      min = max = end = v;
    }
    flush();
    dot();
    c.stroke();
    c.setLineDash([]);
  }

  // near lists the values of the visible series next to the cursor.
  function near() {
    let at = null;
    for (const s of series) {
      if (s.hidden) continue;
      const p = nearest(s.points, cursor);
      if (p && (at === null || Math.abs(p[0] - cursor) < Math.abs(at - cursor))) at = p[0];
    }
    if (at === null) return null;
    const slack = (view[1] - view[0]) / 200;
    const values = [];
    for (const s of series) {
      if (s.hidden) continue;
      const p = nearest(s.points, at);
      if (p && Math.abs(p[0] - at) <= slack) values.push({ s, v: p[1], t: p[0] });
    }
    values.sort((a, b) => b.v - a.v);
    return { at, values };
  }

  function readOut(c, w, top, bottom) {
    const found = cursor === null ? null : near();
    tip.hidden = !found;
    if (!found) return;
    const px = scale.x(found.at);
    c.strokeStyle = style("--muted");
    c.lineWidth = 1;
    rule(c, Math.round(px) + 0.5, top, Math.round(px) + 0.5, bottom);
    for (const { s, v, t } of found.values) {
      c.fillStyle = style(s.colour);
      c.beginPath();
      c.arc(scale.x(t), scale.y(v), 3.5, 0, 7);
      c.fill();
    }
    const shown = found.values.slice(0, 12);
    tip.replaceChildren(h("b", exact(found.at)), ...shown.map(({ s, v }) => h("div", h("i.s" + series.indexOf(s) % colours), h("span", s.name), h("em", short(v, 8)))),
      found.values.length > shown.length ? h("div.muted", `and ${found.values.length - shown.length} more`) : "");
    tip.style.left = tip.style.right = "auto";
    if (px > w / 2) tip.style.right = w - px + 12 + "px";
    else tip.style.left = px + 12 + "px";
  }

  function point(e) { return Math.min(Math.max(e.clientX - canvas.getBoundingClientRect().left, scale.left), scale.right); }

  canvas.addEventListener("pointerdown", (e) => {
    if (!scale || e.button !== 0) return;
    cursor = scale.time(point(e));
    if (e.pointerType === "mouse") {
      drag = { from: point(e), to: point(e) };
      canvas.setPointerCapture(e.pointerId);
    }
    draw();
  });
  canvas.addEventListener("pointermove", (e) => {
    if (!scale) return;
    if (drag) drag.to = point(e);
    cursor = scale.time(point(e));
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    const d = drag;
    drag = null;
    if (d && Math.abs(d.to - d.from) > 5) view = [d.from, d.to].map(scale.time).sort((a, b) => a - b);
    draw();
  });
  canvas.addEventListener("pointerleave", (e) => {
    if (drag || e.pointerType !== "mouse") return;
    cursor = null;
    draw();
  });
  canvas.addEventListener("dblclick", reset);
  canvas.addEventListener("blur", () => { cursor = null; draw(); });
  canvas.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    switch (e.key) {
      case "ArrowLeft": case "ArrowRight": move(e.key === "ArrowRight"); break;
      case "+": case "=": zoom(0.5); break;
      case "-": zoom(2); break;
      case "0": reset(); break;
      case "Escape": cursor = null; draw(); break;
      default: return;
    }
    e.preventDefault();
  });

  // move steps to the next point of any visible series.
  function move(right) {
    if (cursor === null) cursor = right ? view[0] - 1e-6 : view[1] + 1e-6;
    let next = null;
    for (const s of series) {
      if (s.hidden) continue;
      let i = lower(s.points, cursor);
      if (right) { while (i < s.points.length && s.points[i][0] <= cursor) i++; } else i--;
      const p = s.points[i];
      if (p && (next === null || (right ? p[0] < next : p[0] > next))) next = p[0];
    }
    if (next === null) return;
    cursor = next;
    if (next < view[0] || next > view[1]) {
      const by = next < view[0] ? next - view[0] : next - view[1];
      view = [view[0] + by, view[1] + by];
    }
    draw();
    const found = near();
    if (found) spoken.textContent = exact(found.at) + ": " + found.values.slice(0, 5).map(({ s, v }) => `${s.name} ${short(v)}`).join(", ");
  }

  const watch = new ResizeObserver(() => {
    const box = canvas.parentElement.getBoundingClientRect();
    size = [box.width, box.height];
    draw();
  });
  watch.observe(canvas.parentElement);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", draw);
  figure.discard = () => {
    watch.disconnect();
    scheme.removeEventListener("change", draw);
  };
  return figure;
}

function rule(c, x1, y1, x2, y2) {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}

// lower is the index of the first point at or after t.
function lower(points, t) {
  let lo = 0, hi = points.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (points[mid][0] < t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

// nearest is the point with a value that is closest to t.
function nearest(points, t) {
  const i = lower(points, t);
  let best = null;
  for (let k = i - 1; k >= 0; k--) if (points[k][1] !== null) { best = points[k]; break; }
  for (let k = i; k < points.length; k++) {
    if (points[k][1] === null) continue;
    if (!best || points[k][0] - t < t - best[0]) best = points[k];
    break;
  }
  return best;
}

// sparkline draws the last values of one number; points are [ms, number].
export function sparkline(points, label) {
  const w = 200, hgt = 44;
  const el = svg("svg.spark", { viewBox: `0 0 ${w} ${hgt}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  if (points.length < 2) return el;
  const from = points[0][0], to = points.at(-1)[0], high = Math.max(...points.map((p) => p[1])) || 1;
  const path = points.map(([t, v]) => `${(((t - from) / (to - from)) * w).toFixed(1)} ${(hgt - 2 - (v / high) * (hgt - 6)).toFixed(1)}`).join("L");
  el.append(svg("path.area", { d: `M0 ${hgt}L${path}L${w} ${hgt}z` }), svg("path.edge", { d: "M" + path }));
  return el;
}
