'use strict';
module.exports = { hasObserver: () => false, startPerf() {}, stopPerf() {} };
