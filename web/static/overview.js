// Overview: how the server is, at a glance.
import { ago, bytes, count, fill, h, instant, span, whole } from "./dom.js";
import { live, subscribe } from "./live.js";
import { sparkline } from "./chart.js";
import { overviewCard } from "./sync.js";

export function show(root) {
  const part = {}, wide = new Set(["wal", "sync", "content", "server"]);
  const card = (key, title) => h("section.card" + (wide.has(key) ? ".wide" : ""), { "aria-label": title }, h("h2", title), (part[key] = h("div")));
  const alarm = h("div");
  fill(root, h("h1.unseen", "Overview"), alarm, h("div.grid",
    card("rows", "Rows written"), card("received", "Bytes received"), card("buffer", "Write buffer"), card("memory", "Memory"),
    card("disk", "Disk"), card("flash", "Written to flash"), card("wal", "Write-ahead log"), card("sync", "Upstream sync"),
    card("content", "Content"), card("server", "Server")),
  h("section.card", h("h2", "Newest problems"), (part.problems = h("div"))));

  function draw() {
    const s = live.status;
    if (!s) return;
    fill(alarm, live.error ? h("p.error", { role: "alert" }, "These numbers are old: ", live.error.message) : null,
      s.healthy ? null : h("p.error", { role: "alert" }, h("b", "The server is read-only. "), s.reason));
    const newest = live.points.at(-1) || { rows: 0, received: 0 };
    fill(part.rows, big(count(newest.rows), "rows/s"), sparkline(live.points.map((p) => [p.t, p.rows]), "Rows per second, last minutes"), h("p.muted", whole(s.rows), " since the start"));
    fill(part.received, big(...parted(bytes(newest.received) + "/s")), sparkline(live.points.map((p) => [p.t, p.received]), "Bytes per second, last minutes"), h("p.muted", bytes(s.received_bytes), " since the start"));
    fill(part.buffer, big(...parted(bytes(s.buffer.used))), meter(s.buffer.used, s.buffer.limit), h("p.muted", `written to files at ${bytes(s.buffer.limit)}`));
    fill(part.memory, big(...parted(bytes(s.memory.used))), meter(s.memory.used, s.memory.limit), h("p.muted", `limit ${bytes(s.memory.limit)}`));
    const d = s.disk;
    fill(part.disk, big(...parted(bytes(d.used))),
      d.limit ? meter(d.used, d.limit) : meter(d.total - d.free, d.total),
      h("p.muted", d.limit ? `limit ${bytes(d.limit)}` : "no limit set", d.total ? `; the disk is ${Math.round((1 - d.free / d.total) * 100)} % full, ${bytes(d.free)} free` : ""));
    const today = Math.floor(s.started_ms / 86400000) === Math.floor(s.now_ms / 86400000);
    fill(part.flash, big(...parted(bytes(s.flash.today))), h("p.muted", today ? `today, since the start at ${instant(s.started_ms).slice(11, 16)} UTC` : "today (UTC)"),
      facts([["log", bytes(s.flash.wal)], ["files", bytes(s.flash.segments)], ...(s.flash.amplification ? [["written for a byte that stays", s.flash.amplification.toFixed(1)]] : [])]));
    fill(part.wal, s.wal.failed ? h("p.big.bad", "failed") : h("p.big", "in order"), facts([["not in files yet", bytes(s.wal.live_bytes)], ["syncs", whole(s.wal.syncs)]]));
    fill(part.content, facts([["databases", whole(s.databases)], ["tables", whole(s.tables)], ["series", whole(s.series)], ["files", whole(s.files)], ["rows in files", count(s.file_rows)]]));
    fill(part.server, facts([["up", span(s.now_ms - s.started_ms)], ["node", s.node], ["version", s.version], ["revision", s.revision], ["requests", whole(s.requests)], ["of them failed", whole(s.failed_requests)]]));
    fill(part.problems, s.problems.length ? h("ul.problems", s.problems.map((p) => h("li", h("span.tag." + p.level, p.level), " ", ago(p.time_ms, s.now_ms), h("code", p.text)))) : h("p.muted", "None since the start."));
    overviewCard(part.sync, s.sync);
  }

  draw();
  return subscribe(draw);
}

// parted splits "12.3 MiB/s" into number and unit.
function parted(text) { return text.split(" "); }

export function big(number, unit) { return h("p.big", number, unit ? h("small", " " + unit) : null); }

export function facts(pairs) { return h("dl.facts", pairs.map(([k, v]) => h("div", h("dt", k), h("dd", v)))); }

export function meter(used, limit, what = "used") {
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  const fillEl = h("span" + (share > 0.95 ? ".full" : share > 0.85 ? ".high" : ""));
  fillEl.style.width = share * 100 + "%";
  const percent = Math.round(share * 100);
  return h("div.meter", { role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": percent, "aria-label": `${percent} % ${what}`, title: `${percent} %` }, fillEl);
}
