// The frame around the views: routes, login and the state of the server.
import { Failure, getJSON, onUnauthorized, session } from "./api.js";
import { $, explain, fill, h, span } from "./dom.js";
import { live, start, stop } from "./live.js";
import * as overview from "./overview.js";
import * as data from "./data.js";
import * as explore from "./explore.js";
import * as triggers from "./triggers.js";
import * as tokens from "./tokens.js";
import * as sync from "./sync.js";
import { icon } from "./icons.js";

const views = [
  ["overview", "Overview", overview], ["data", "Data", data], ["explore", "Explore", explore],
  ["triggers", "Triggers", triggers], ["tokens", "Tokens", tokens], ["sync", "Sync", sync],
];

let leave = null;

// route reads "#/data/db/table?x=y".
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { view: parts[0] || "overview", parts: parts.slice(1), query: new URLSearchParams(query || "") };
}

function show() {
  if (location.hash && !location.hash.startsWith("#/")) return; // the skip link
  if (!live.status) return;
  const r = route();
  const found = views.find(([name]) => name === r.view) || views[0];
  leave?.();
  leave = null;
  for (const a of $("nav").children) {
    if (a.dataset.view === found[0]) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  document.title = found[1] + " · Tarn" + (live.status.node ? " · " + live.status.node : "");
  const root = fill($("main"));
  root.className = found[0];
  try {
    leave = found[2].show(root, r) || null;
  } catch (err) {
    fill(root, explain(err));
    throw err;
  }
}

addEventListener("hashchange", () => {
  show();
  if (location.hash.startsWith("#/")) {
    scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
  }
});

fill($("nav"), views.map(([name, label]) => h("a", { href: "#/" + name, "data-view": name }, icon(name), h("span", label))));

$("logout").addEventListener("click", () => {
  session.token = "";
  login();
});

live.listeners.add(() => {
  const s = live.status, pill = $("pill");
  pill.hidden = !s && !live.error;
  if (live.error) {
    pill.className = "pill bad";
    pill.textContent = "unreachable" + (s ? " since " + span(Date.now() - lastSeen) : "");
    return;
  }
  lastSeen = Date.now();
  pill.className = "pill " + (s.healthy ? "good" : "bad");
  pill.textContent = s.healthy ? "healthy" : "read-only";
  pill.title = s.reason || "";
});
let lastSeen = 0;

// open starts the page once the server answers us.
async function open() {
  await start();
  if (!live.status) { // login has taken over, or there is nobody
    if (live.error) unreachable();
    return;
  }
  $("nav").hidden = false;
  $("node").textContent = live.status.node;
  $("logout").hidden = !live.status.auth;
  document.body.classList.remove("outside");
  show();
}

function unreachable() {
  const retry = h("button", { type: "button", onclick: open }, "Try again");
  fill($("main"), h("section.card.narrow", h("h1", "No answer"), explain(live.error), retry));
}

// login shows the form for a token.
function login(message) {
  stop();
  leave?.();
  leave = null;
  live.status = null;
  document.body.classList.add("outside");
  $("nav").hidden = $("logout").hidden = $("pill").hidden = true;
  document.title = "Log in · Tarn";
  const input = h("input", { id: "token", type: "password", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true,
    placeholder: "apiv3_…", "aria-describedby": "token-help" });
  const problem = h("div", message ? h("p.error", { role: "alert" }, message) : null);
  const form = h("form", { onsubmit: async (e) => {
    e.preventDefault();
    session.token = input.value.trim();
    try {
      await getJSON("api/v3/tarn/status");
    } catch (err) {
      session.token = "";
      fill(problem, explain(err instanceof Failure && (err.status === 401 || err.status === 400) ? new Error("The server does not know this token, or it has expired.") : err));
      input.select();
      return;
    }
    open();
  } }, h("label", { for: "token" }, "Token"), input, problem, h("button", { type: "submit" }, "Log in"));
  fill($("main"), h("section.card.narrow", h("h1", "Log in"), form,
    h("p.muted", { id: "token-help" }, "Kept in this browser tab only, until it is closed or you log out. No token yet? On the server's own machine, ",
      h("code", "tarn create token --admin"), " makes the first one; the package has put one into ", h("code", "/etc/tarn/admin-token.json"), ".")));
  input.focus();
}

onUnauthorized(() => {
  if (document.body.classList.contains("outside")) return;
  const had = session.token !== "" && live.status !== null;
  session.token = "";
  login(had ? "Your token has expired or was revoked." : "");
});

open();
