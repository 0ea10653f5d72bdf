// The live numbers: one small request every other second while somebody looks.
import { getJSON } from "./api.js";

const every = 2000, hiddenViews = 10000, most = 300;

export const live = {
  status: null, // the newest answer
  error: null,  // why there is none
  // points are {t, rows, received}: rates per second between two answers.
  points: [],
  // fast is true while a view shows the numbers.
  fast: false,
  listeners: new Set(),
};

let timer, last = null, generation = 0;

export function start() {
  stop();
  live.points = [];
  live.status = null;
  last = null;
  return poll(++generation, true);
}

export function stop() {
  clearTimeout(timer);
  live.error = null;
  generation++;
}

export function subscribe(f) {
  live.listeners.add(f);
  live.fast = true;
  wake();
  return () => {
    live.listeners.delete(f);
    live.fast = false;
  };
}

// wake asks at once instead of at the next turn.
function wake() {
  if (!live.status && !live.error) return;
  clearTimeout(timer);
  const mine = generation;
  timer = setTimeout(() => poll(mine, false), 0);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });

async function poll(mine, history) {
  try {
    const s = await getJSON("api/v3/tarn/status", { query: { history: history ? "true" : "" } });
    if (mine !== generation) return;
    if (s.history) {
      live.points = [];
      for (let i = 1; i < s.history.length; i++) push(rate(s.history[i - 1], s.history[i]));
      last = s.history.at(-1) || null;
    }
    if (live.status && live.status.process !== s.process) last = null; // it was restarted
    const sample = { t: s.now_ms, rows: s.rows, received: s.received_bytes };
    if (last && sample.t > last.t) push(rate(last, sample));
    last = sample;
    live.status = s;
    live.error = null;
  } catch (err) {
    if (mine !== generation) return;
    live.error = err;
    if (err.status === 401) return;
  }
  for (const f of live.listeners) f();
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => poll(mine, false), live.fast ? every : hiddenViews);
}

function rate(a, b) {
  const seconds = (b.t - a.t) / 1000;
  return { t: b.t, rows: Math.max(0, (b.rows - a.rows) / seconds), received: Math.max(0, (b.received - a.received) / seconds) };
}

function push(p) {
  live.points.push(p);
  if (live.points.length > most) live.points.shift();
}
