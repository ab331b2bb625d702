// Lines over time as SVG.

import { h, svg, replace } from "./dom.js";
import { clock } from "./format.js";

const HEIGHT = 150;
const LEFT = 62;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 18;

// A bound above the largest value that reads well; of bytes, in powers of 1024.
function nice(value, base) {
  if (!(value > 0)) return 1;
  let power = 1;
  while (power * base <= value) power *= base;
  const steps = base === 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return steps.map((step) => step * power).find((bound) => bound >= value) ?? power * base;
}

// A chart with `series` of { name, of(sample) }; `update(times, samples)` draws.
export function chart(title, series, format, { base = 10 } = {}) {
  const values = series.map((one) => h("span", {}, one.name));
  const picture = svg("svg", { role: "img" });
  const element = h("section", { class: "panel chart" },
    h("div", { class: "top" }, h("h2", {}, title), h("div", { class: series.length > 1 ? "legend" : "now" }, values)), picture);
  let shown = [[], []];
  const draw = () => {
    const [times, samples] = shown;
    const width = Math.max(240, picture.clientWidth);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const points = series.map((one) => samples.map((item) => (item ? one.of(item) : null)));
    const top = nice(Math.max(...points.flat().filter((value) => value !== null), 0), base);
    points.forEach((list, index) => {
      const last = list.at(-1) ?? null;
      values[index].textContent = `${series.length > 1 ? `${series[index].name} ` : ""}${last === null ? "-" : format(last)}`;
    });
    picture.setAttribute("aria-label", `${title}, now ${values.map((value) => value.textContent).join(", ")}`);
    replace(picture, grid(top, format, times, width), points.flatMap((list, index) => lines(list, top, index, width)));
  };
  element.update = (times, samples) => { shown = [times, samples]; draw(); };
  new ResizeObserver(draw).observe(picture);
  return element;
}

function grid(top, format, times, width) {
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const y = TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
    const label = svg("text", { x: LEFT - 6, y: y + 3.5, "text-anchor": "end" });
    label.textContent = format(top * share);
    parts.push(label);
  }
  if (times.length > 1) {
    for (const [at, anchor, x] of [[times[0], "start", LEFT], [times.at(-1), "end", width - RIGHT]]) {
      const label = svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor });
      label.textContent = clock(at);
      parts.push(label);
    }
  }
  return parts;
}

// Pieces of a line; where nothing is known it has a gap.
function lines(values, top, index, width) {
  const span = Math.max(1, values.length - 1);
  const x = (at) => LEFT + (at / span) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - Math.min(1, value / top)) * (HEIGHT - TOP - BOTTOM);
  const pieces = [];
  let piece = [];
  values.forEach((value, at) => {
    if (value === null) {
      if (piece.length > 0) pieces.push(piece);
      piece = [];
    } else {
      piece.push([x(at), y(value)]);
    }
  });
  if (piece.length > 0) pieces.push(piece);
  const parts = [];
  for (const points of pieces) {
    const path = points.map((point) => point.map((it) => it.toFixed(1)).join(",")).join(" L");
    if (index === 0 && points.length > 1) {
      const floor = HEIGHT - BOTTOM;
      parts.push(svg("path", { class: "area", d: `M${points[0][0].toFixed(1)},${floor} L${path} L${points.at(-1)[0].toFixed(1)},${floor} Z` }));
    }
    const from = points.length > 1 ? path : `${path} L${(points[0][0] + 1).toFixed(1)},${points[0][1].toFixed(1)}`;
    parts.push(svg("path", { class: `line s${index}`, d: `M${from}` }));
  }
  return parts;
}
