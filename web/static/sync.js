// Sync: what goes upstream, what waits, what failed.
import { getJSON, missing } from "./api.js";
import { explain, fill, h } from "./dom.js";

const absent = "This server has no upstream sync.";

export function show(root) {
  const stop = new AbortController();
  const body = h("section.card", h("p.muted", "Loading…"));
  fill(root, h("h1.unseen", "Sync"), body);
  getJSON("api/v3/tarn/sync", { signal: stop.signal }).then((s) => fill(body, h("pre", JSON.stringify(s, null, 2))),
    (err) => { if (err.name !== "AbortError") fill(body, missing(err) ? h("p.muted", absent) : explain(err)); });
  return () => stop.abort();
}

// overviewCard fills the overview's part about sync.
export function overviewCard(el) {
  fill(el, h("p.muted", absent));
  return { draw() {}, end() {} };
}
