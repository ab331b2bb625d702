'use strict';
const { queueMicrotask } = globalThis;
module.exports = { nextTick: process.nextTick, queueMicrotask, runNextTicks() {} };
