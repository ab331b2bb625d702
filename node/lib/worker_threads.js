'use strict';
// `node:worker_threads`: an isolate has one thread.
const { core } = require('internal/selvedge/host');
const { stub } = require('internal/selvedge/unsupported');
const { SafeMap, SafeWeakSet, Symbol } = primordials;
const { MessageChannel, MessagePort } = core.loadExtScript('ext:deno_web/13_message_port.js');

const data = new SafeMap();
const marked = new SafeWeakSet();
module.exports = {
  ...stub('worker_threads', ['moveMessagePortToContext', 'postMessageToThread', 'receiveMessageOnPort'], ['BroadcastChannel', 'Worker']),
  MessageChannel,
  MessagePort,
  SHARE_ENV: Symbol('nodejs.worker_threads.SHARE_ENV'),
  getEnvironmentData: (key) => data.get(key),
  isInternalThread: false,
  isMainThread: true,
  isMarkedAsUntransferable: (value) => marked.has(value),
  markAsUncloneable() {},
  markAsUntransferable(value) {
    marked.add(value);
  },
  parentPort: null,
  resourceLimits: {},
  setEnvironmentData(key, value) {
    if (value === undefined) data.delete(key);
    else data.set(key, value);
  },
  threadId: 0,
  workerData: null,
};
