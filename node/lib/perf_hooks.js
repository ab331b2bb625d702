'use strict';
// `node:perf_hooks`: the platform's clock and marks.
const { FunctionPrototypeBind, ObjectDefineProperty, ObjectKeys } = primordials;
const { core, internals } = require('internal/selvedge/host');
const { stub } = require('internal/selvedge/unsupported');
const performance = core.loadExtScript('ext:deno_web/15_performance.js');
const own = withMarks(globalThis.performance);

/** The clock, with what the global one has not at old dates. */
function withMarks(clock) {
  const taken = internals.takenOfPerformance;
  if (taken === undefined) return clock;
  const whole = { __proto__: clock };
  for (const name of ObjectKeys(taken)) {
    if (typeof taken[name] === 'function') whole[name] = FunctionPrototypeBind(taken[name], clock);
  }
  whole.now = () => clock.now();
  ObjectDefineProperty(whole, 'timeOrigin', { __proto__: null, enumerable: true, configurable: true, get: () => clock.timeOrigin });
  return whole;
}

module.exports = {
  ...stub('perf_hooks', ['createHistogram', 'monitorEventLoopDelay'], ['PerformanceResourceTiming']),
  Performance: performance.Performance,
  PerformanceEntry: performance.PerformanceEntry,
  PerformanceMark: performance.PerformanceMark,
  PerformanceMeasure: performance.PerformanceMeasure,
  PerformanceObserver: performance.PerformanceObserver,
  PerformanceObserverEntryList: performance.PerformanceObserverEntryList,
  constants: {},
  eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  performance: own,
  timerify: (callback) => callback,
};
