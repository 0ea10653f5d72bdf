// Small helpers for elements and for showing numbers to people.

// h makes an element: h("button.quiet", {onclick: f}, "text", child). Lists
// are flattened; null, undefined and false are left out.
export function h(tag, ...rest) { return build(document.createElement(tag.split(".")[0]), tag, rest); }

// svg is h for SVG.
export function svg(tag, ...rest) { return build(document.createElementNS("http://www.w3.org/2000/svg", tag.split(".")[0]), tag, rest); }

function build(el, tag, rest) {
  const classes = tag.split(".").slice(1);
  if (classes.length) el.setAttribute("class", classes.join(" "));
  if (rest.length && isProps(rest[0])) {
    for (const [name, value] of Object.entries(rest.shift())) {
      if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked") el[name] = value;
      else if (value === true) el.setAttribute(name, "");
      else if (value !== false && value != null) el.setAttribute(name, value);
    }
  }
  append(el, rest);
  return el;
}

function isProps(v) { return v !== null && typeof v === "object" && !Array.isArray(v) && !(v instanceof Node); }

function append(el, children) {
  for (const c of children) {
    if (Array.isArray(c)) append(el, c);
    else if (c != null && c !== false) el.append(c);
  }
}

// fill replaces what is in el.
export function fill(el, ...children) {
  el.replaceChildren();
  append(el, children);
  return el;
}

export const $ = (id) => document.getElementById(id);

// say shows a short message for some seconds.
let silence;
export function say(text) {
  const el = $("toast");
  el.textContent = text;
  el.classList.add("shown");
  clearTimeout(silence);
  silence = setTimeout(() => el.classList.remove("shown"), 4000);
}

// explain shows an error in place.
export function explain(err) { return h("p.error", { role: "alert" }, err.message || String(err)); }

// confirmed asks a question and resolves to the answer.
export function confirmed(question, detail, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "ask" },
      h("h2", { id: "ask" }, question), h("p", detail),
      h("div.row.end", h("button.quiet", { type: "button", onclick: () => dialog.close("") }, "Cancel"),
        h("button.danger", { type: "button", onclick: () => dialog.close("yes") }, yes)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// copyButton copies text. The clipboard is there on HTTPS and on this machine
// only; elsewhere the text is selected for the person to copy.
export function copyButton(source) {
  return h("button.quiet", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      say("Copied.");
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      say("Selected: copy it with your keyboard.");
    }
  } }, "Copy");
}

// scroller wraps a wide table so that it scrolls by itself, by keyboard too.
export function scroller(label, ...children) { return h("div.scroll", { tabindex: "0", role: "region", "aria-label": label }, children); }

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; Math.abs(n) >= 1024 && i < units.length - 1; i++) n /= 1024;
  return digits(n, i === 0 ? 0 : 1) + " " + units[i];
}

// count shortens a number: 1.2 k, 34 M.
export function count(n) {
  const units = ["", " k", " M", " G", " T"];
  let i = 0;
  for (; Math.abs(n) >= 10000 && i < units.length - 1; i++) n /= 1000;
  return (i === 0 ? whole(Math.abs(n) < 10 ? Math.round(n * 10) / 10 : Math.round(n)) : digits(n, 1)) + units[i];
}

function digits(n, decimals) { return n.toFixed(Math.abs(n) >= 100 ? 0 : decimals).replace(/\.0$/, ""); }

// whole shows all digits in groups of three.
export function whole(n) { return n.toLocaleString("en-GB"); }

// span shows milliseconds as the two largest units.
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, u]) => n + " " + u).join(" ");
}

// instant shows milliseconds since 1970 as UTC, like the answers of queries.
export function instant(ms) { return new Date(ms).toISOString().replace("T", " ").slice(0, 19); }

// ago is an instant as a person says it, with the exact one on hover.
export function ago(ms, now) {
  const text = now - ms < 2000 ? "just now" : span(now - ms) + " ago";
  return h("time", { datetime: new Date(ms).toISOString(), title: instant(ms) + " UTC" }, text);
}
