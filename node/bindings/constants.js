'use strict';
const all = require('internal/selvedge/constants');
const bare = (values) => ({ __proto__: null, ...values });
module.exports = {
  os: {
    __proto__: null,
    UV_UDP_REUSEADDR: all.os.UV_UDP_REUSEADDR,
    dlopen: bare(all.os.dlopen),
    errno: bare(all.os.errno),
    signals: bare(all.os.signals),
    priority: bare(all.os.priority),
  },
  fs: bare(all.fs),
  crypto: bare(all.crypto),
  zlib: bare(all.zlib),
  trace: bare(all.trace),
  internal: { __proto__: null, EXTENSIONLESS_FORMAT_JAVASCRIPT: 0, EXTENSIONLESS_FORMAT_WASM: 1 },
};
