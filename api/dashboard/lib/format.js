// Numbers and times for people.

export function number(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 1 : 2)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
}

export function rate(value) {
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : number(Math.round(value));
}

export function millis(value) {
  if (value === null || value === undefined) return "-";
  if (value === 0) return "0 ms";
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function percent(value) {
  return `${Math.round(value * 100) / 100}%`;
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export function time(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "-" : TIME.format(date);
}

export function clock(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "-" : CLOCK.format(date);
}

// How long ago, in the largest unit.
export function ago(iso) {
  const seconds = (Date.now() - new Date(iso).getTime()) / 1000;
  if (Number.isNaN(seconds)) return "-";
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return "just now";
}

export function shortId(id) {
  return String(id ?? "").slice(0, 8);
}
