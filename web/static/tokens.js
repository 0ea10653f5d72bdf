// Tokens: who may talk to the server.
import { request, rows } from "./api.js";
import { confirmed, copyButton, explain, fill, h, say, scroller } from "./dom.js";
import { live } from "./live.js";

const configure = "api/v3/configure/token";
const lifetimes = { "": "never", 86400: "in 1 day", 604800: "in 7 days", 2592000: "in 30 days", 7776000: "in 90 days", 31536000: "in 1 year" };

export function show(root) {
  if (!live.status.auth) {
    fill(root, h("h1.unseen", "Tokens"), h("section.card", h("p.note", "This server runs without authentication (", h("code", "--without-auth"), "): everybody may do everything, and there are no tokens.")));
    return null;
  }
  const stop = new AbortController();
  const list = h("div", h("p.muted", "Loading…")), made = h("div", { "aria-live": "polite" });
  const name = h("input", { id: "token-name", required: true, maxlength: "200", autocomplete: "off", placeholder: "grafana" });
  const expiry = h("select", { id: "token-expiry" }, Object.entries(lifetimes).map(([v, text]) => h("option", { value: v }, text)));
  const form = h("form.row", { onsubmit: create }, h("div.field", h("label", { for: "token-name" }, "Name"), name), h("div.field", h("label", { for: "token-expiry" }, "Ends"), expiry), h("button", { type: "submit" }, "Create"));
  fill(root, h("h1.unseen", "Tokens"), h("section.card", h("h2", "New token"), h("p.muted", "Every token may do everything. Give each client its own, so that one can be revoked without the others."), form, made), h("section.card", h("h2", "Tokens"), list));

  async function create(e) {
    e.preventDefault();
    try {
      const body = { token_name: name.value.trim() };
      if (expiry.value) body.expiry_secs = Number(expiry.value);
      const t = await (await request(configure + "/named_admin", { method: "POST", json: body })).json();
      const text = h("code.secret", t.token);
      fill(made, h("div.note", h("p", h("b", `Token ${t.name}. `), "Copy it now: it is not shown again."), h("div.row", text, copyButton(text))));
      form.reset();
      load();
    } catch (err) {
      fill(made, explain(err));
    }
  }

  async function revoke(t) {
    if (!await confirmed(`Revoke ${t.name}?`, "Clients that use it are refused from now on.", "Revoke")) return;
    try {
      await request(configure, { method: "DELETE", query: { token_name: t.name } });
      say(`${t.name} is revoked.`);
    } catch (err) {
      say(err.message);
    }
    load();
  }

  async function load() {
    try {
      const all = await rows("_internal", "SELECT token_id, name, hash, created_at, expiry FROM system.tokens ORDER BY token_id", stop.signal);
      const day = (t) => t ? h("time", { datetime: t + "Z", title: t.replace("T", " ") + " UTC" }, t.slice(0, 10)) : null;
      fill(list, scroller("Tokens", h("table", h("thead", h("tr", ["Name", "Created", "Ends", "Fingerprint", ""].map((t) => h("th", { scope: "col" }, t)))), h("tbody", all.map((t) => {
        const over = t.expiry && Date.parse(t.expiry + "Z") < Date.now();
        return h("tr", h("th", { scope: "row" }, t.name), h("td", day(t.created_at)), h("td", t.expiry ? [day(t.expiry), over ? h("span.tag.warn", "expired") : null] : "never"), h("td", h("code", t.hash)),
          h("td.end", t.name === "_admin" ? h("span.muted", "operator") : h("button.quiet", { type: "button", onclick: () => revoke(t), "aria-label": "Revoke " + t.name }, "Revoke")));
      })))));
    } catch (err) {
      if (err.name !== "AbortError") fill(list, explain(err));
    }
  }

  load();
  return () => stop.abort();
}
