// The server's HTTP API. The page lives in the folder dashboard/ of the server,
// wherever a proxy may have put that.

const base = new URL("../", import.meta.url);
const kept = "tarn.token";

export const session = {
  get token() { return sessionStorage.getItem(kept) || ""; },
  set token(text) { text ? sessionStorage.setItem(kept, text) : sessionStorage.removeItem(kept); },
};

// Failure is an answer that is no success, or none at all (status 0).
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// onUnauthorized is called when the server asks for a token.
let unauthorized = () => {};
export function onUnauthorized(f) { unauthorized = f; }

// request sends one and returns its successful response.
export async function request(path, { method = "GET", query, json, form, headers = {}, signal } = {}) {
  const url = new URL(path, base);
  for (const [k, v] of Object.entries(query || {})) if (v !== undefined && v !== "") url.searchParams.set(k, v);
  const init = { method, signal, headers: { ...headers }, cache: "no-store", credentials: "omit" };
  if (session.token) init.headers.Authorization = "Bearer " + session.token;
  if (json !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(json);
  } else if (form) {
    init.body = new URLSearchParams(form);
  }
  let response;
  try {
    response = await fetch(url, init);
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw new Failure(0, "The server does not answer.");
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => "");
  if (response.status === 401) unauthorized();
  throw new Failure(response.status, reason(text) || `The server answered ${response.status} ${response.statusText}.`);
}

// reason finds the message in the error bodies of all protocol families.
function reason(text) {
  try {
    const body = JSON.parse(text);
    return body.error || body.message || body.error_msg || text;
  } catch {
    return text.trim();
  }
}

export async function getJSON(path, options) { return (await request(path, options)).json(); }

// rows runs a small SQL query and returns its rows as objects.
export async function rows(db, q, signal) {
  return getJSON("api/v3/query_sql", { method: "POST", json: { db, q, format: "json" }, signal });
}

// databases lists the names of the live databases.
export async function databases(signal) {
  const list = await getJSON("api/v3/configure/database", { query: { format: "json" }, signal });
  return list.map((d) => d["iox::database"]).filter((name) => name !== "_internal");
}

// ident and literal quote for SQL.
export const ident = (name) => '"' + name.replaceAll('"', '""') + '"';
export const literal = (text) => "'" + text.replaceAll("'", "''") + "'";

// missing says in a sentence that this server lacks a feature, for a 404.
export const missing = (err) => err instanceof Failure && (err.status === 404 || err.status === 405 || err.status === 501);

// parse is JSON.parse that keeps integers beyond 2^53 as their digits, where the
// browser lets it see them.
export function parse(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source) ? context.source : value);
}

// lines yields the lines of a response as they come.
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw new Failure(0, "The answer broke off: the query failed on its way, or the connection did.");
  } finally {
    reader.cancel().catch(() => {});
  }
  if (rest) yield rest;
}
