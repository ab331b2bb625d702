'use strict';
// `node:cluster`: one isolate, and no others to speak with.
const EventEmitter = require('events');
const { unsupported, unsupportedClass } = require('internal/selvedge/unsupported');
const cluster = new EventEmitter();
const members = {
  Cluster: unsupportedClass('cluster', 'Cluster'),
  Worker: unsupportedClass('cluster', 'Worker'),
  SCHED_NONE: 1,
  SCHED_RR: 2,
  disconnect: unsupported('cluster', 'disconnect'),
  fork: unsupported('cluster', 'fork'),
  isMaster: true,
  isPrimary: true,
  isWorker: false,
  schedulingPolicy: 2,
  settings: {},
  setupMaster: unsupported('cluster', 'setupMaster'),
  setupPrimary: unsupported('cluster', 'setupPrimary'),
  workers: {},
};
for (const key of Object.keys(members)) cluster[key] = members[key];
module.exports = cluster;
