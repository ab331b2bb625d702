'use strict';
module.exports = {
  hasIntl: true, hasCrypto: true, hasInspector: false, hasOpenSSL: true, hasTracing: false, hasNodeOptions: false,
  noBrowserGlobals: false, isDebugBuild: false, fipsMode: false, bits: 64, hasDtrace: false,
};
