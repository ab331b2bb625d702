'use strict';
// `node:perf_hooks`: the platform's clock and marks.
const { core } = require('internal/selvedge/host');
const { stub } = require('internal/selvedge/unsupported');
const performance = core.loadExtScript('ext:deno_web/15_performance.js');
const own = globalThis.performance;

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
