'use strict';
// Nobody starts a Worker with options of Node's.
const options = {
  '__proto__': null,
  '--disable-warning': [],
  '--pending-deprecation': false,
  '--stack-trace-limit': 10,
  '--network-family-autoselection': false,
  '--network-family-autoselection-attempt-timeout': 250,
  '--experimental-require-module': false,
  '--icu-data-dir': '',
  '--secure-heap': 0,
  '--secure-heap-min': 2,
  '--tls-cipher-list': 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256',
};
module.exports = {
  getOptionValue: (name) => options[name],
  getEmbedderOptions: () => ({ __proto__: null }),
  getAllowUnauthorized: () => false,
  refreshOptions() {},
};
