// Before Node.js's `perf_hooks` came, there was the clock only: no marks, no entries.
(function () {
const { core, internals, primordials } = __bootstrap;
const { ObjectGetOwnPropertyDescriptor, ReflectDeleteProperty, ReflectOwnKeys } = primordials;

const CLASSES = [
  "Performance",
  "PerformanceEntry",
  "PerformanceMark",
  "PerformanceMeasure",
  "PerformanceObserver",
  "PerformanceObserverEntryList",
];
const KEPT = { __proto__: null, constructor: 1, now: 1, timeOrigin: 1 };

function apply() {
  // The module brings the classes, too.
  if (!internals.isOff("enable_nodejs_perf_hooks_module")) return;
  for (let i = 0; i < CLASSES.length; i++) ReflectDeleteProperty(globalThis, CLASSES[i]);
  const { prototype } = core.loadExtScript("ext:deno_web/15_performance.js").Performance;
  const keys = ReflectOwnKeys(prototype);
  const taken = internals.takenOfPerformance = { __proto__: null };
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key !== "string" || KEPT[key] === 1) continue;
    taken[key] = ObjectGetOwnPropertyDescriptor(prototype, key).value;
    ReflectDeleteProperty(prototype, key);
  }
}

return { apply };
})();
