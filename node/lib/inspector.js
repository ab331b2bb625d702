'use strict';
// `node:inspector`: a Worker does not debug itself.
const { stub } = require('internal/selvedge/unsupported');
module.exports = {
  ...stub('inspector', ['open', 'waitForDebugger'], ['Session']),
  close() {},
  console: require('internal/console/global'),
  Network: stub('inspector.Network', ['dataReceived', 'dataSent', 'loadingFailed', 'loadingFinished', 'requestWillBeSent', 'responseReceived']),
  url: () => undefined,
};
