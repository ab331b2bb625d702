// How long something lasts, and how a step is configured
// (https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/).
(function () {
const { primordials } = __bootstrap;
const {
  ArrayIsArray,
  NumberIsFinite,
  NumberIsNaN,
  ObjectKeys,
  RegExpPrototypeExec,
  SafeRegExp,
} = primordials;

const SECOND = 1000;
const DAY = 86400 * SECOND;
/** What each unit lasts, in milliseconds; a month and a year as Cloudflare has them. */
const UNITS = {
  __proto__: null,
  second: SECOND,
  minute: 60 * SECOND,
  hour: 3600 * SECOND,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
  year: 365.25 * DAY,
};
const TEXT = new SafeRegExp("^([0-9]+(?:\\.[0-9]+)?) +([a-z]+?)s?$");
const NUMBER = new SafeRegExp("^[0-9]+(?:\\.[0-9]+)?$");
/** The longest that anything waits: 366 days, so that each year fits. */
const MAX_WAIT_MS = 366 * DAY;

/** What a step goes by that says nothing. */
const DEFAULTS = {
  __proto__: null,
  limit: 5,
  delay: 1000,
  backoff: "exponential",
  timeout: "10 minutes",
};
/** In the place of a delay that is a function, where a step is kept. */
const DYNAMIC = "[dynamic]";

/** Milliseconds of a number or of a text such as "10 seconds"; NaN of anything else. */
function millis(value) {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return NaN;
  if (RegExpPrototypeExec(NUMBER, value) !== null) return +value;
  const found = RegExpPrototypeExec(TEXT, value);
  const unit = found === null ? undefined : UNITS[found[2]];
  return unit === undefined ? NaN : +found[1] * unit;
}

function hasOnly(object, names) {
  const keys = ObjectKeys(object);
  for (let i = 0; i < keys.length; i++) {
    let known = false;
    for (let j = 0; j < names.length; j++) known ||= names[j] === keys[i];
    if (!known) return false;
  }
  return true;
}

function isRecord(value) {
  return typeof value === "object" && value !== null && !ArrayIsArray(value);
}

function isDuration(value) {
  return (typeof value === "number" || typeof value === "string") && NumberIsFinite(millis(value)) && millis(value) >= 0;
}

function areRetries(retries) {
  if (!isRecord(retries) || !hasOnly(retries, ["delay", "limit", "backoff"])) return false;
  const { delay, limit, backoff } = retries;
  if (typeof delay !== "function" && !isDuration(delay)) return false;
  if (typeof limit !== "number" || NumberIsNaN(limit) || limit < 0) return false;
  return backoff === undefined || backoff === "constant" || backoff === "linear" || backoff === "exponential";
}

/** Whether a step may be configured so. */
function isConfig(config) {
  if (!isRecord(config) || !hasOnly(config, ["retries", "timeout", "sensitive"])) return false;
  const { retries, timeout, sensitive } = config;
  if (retries !== undefined && !areRetries(retries)) return false;
  if (timeout !== undefined && (!isDuration(timeout) || millis(timeout) === 0)) return false;
  return sensitive === undefined || sensitive === "output";
}

/** A configuration with all that is not said filled in, as it is kept. */
function filled(config) {
  const { retries, timeout, sensitive } = config;
  const delay = retries?.delay ?? DEFAULTS.delay;
  const whole = {
    retries: {
      limit: retries?.limit ?? DEFAULTS.limit,
      delay: typeof delay === "function" ? DYNAMIC : delay,
      backoff: retries?.backoff ?? DEFAULTS.backoff,
    },
    timeout: timeout ?? DEFAULTS.timeout,
  };
  if (sensitive !== undefined) whole.sensitive = sensitive;
  return whole;
}

/** The same as a step's callback sees it: a function is no part of it. */
function shown(config) {
  const { limit, delay, backoff } = config.retries;
  const retries = { limit, delay, backoff };
  if (delay === DYNAMIC) delete retries.delay;
  const whole = { retries, timeout: config.timeout };
  if (config.sensitive !== undefined) whole.sensitive = config.sensitive;
  return whole;
}

/** How long the next attempt waits, after so many, in milliseconds; NaN: `delay` is none. */
function backedOff(backoff, attempts, delay) {
  const base = millis(delay);
  if (!NumberIsFinite(base) || base < 0) return NaN;
  if (backoff === "exponential") return base * 2 ** (attempts - 1);
  return backoff === "linear" ? base * attempts : base;
}

return { backedOff, DYNAMIC, filled, isConfig, MAX_WAIT_MS, millis, shown };
})();
