'use strict';
// Nothing changes but by the Worker's own hand: there is nothing to watch.
const { notImplemented, unsupportedClass } = require('internal/selvedge/unsupported');
const { Symbol } = primordials;
const watch = () => {
  throw notImplemented('fs.watch');
};
module.exports = {
  FSWatcher: unsupportedClass('fs', 'FSWatcher'),
  kFSWatchStart: Symbol('kFSWatchStart'),
  kFSStatWatcherAddOrCleanRef: Symbol('kFSStatWatcherAddOrCleanRef'),
  kFSWatchAddOrCleanRef: Symbol('kFSWatchAddOrCleanRef'),
  StatWatcher: unsupportedClass('fs', 'StatWatcher'),
  watch,
};
