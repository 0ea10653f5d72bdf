// Outline icons of the views, drawn on a grid of 24.
import { svg } from "./dom.js";

const paths = {
  overview: "M3 12h4l3-8 4 16 3-8h4",
  data: "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0",
  explore: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  triggers: "M13 2 4 14h7l-1 8 10-13h-7z",
  tokens: "M15 3a6 6 0 0 0-5.7 7.9L3 17.2V21h4v-3h3v-3l2.5-.7A6 6 0 1 0 15 3zM16.5 7.5h.01",
  sync: "M4 9a8 8 0 0 1 14.5-2M20 3v5h-5M20 15a8 8 0 0 1-14.5 2M4 21v-5h5",
};

export function icon(name) {
  return svg("svg.icon", { viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true" }, svg("path", { d: paths[name] }));
}
