'use strict';
const { core } = require('internal/selvedge/host');
const { TextDecoder, TextEncoder } = core.loadExtScript('ext:deno_web/08_text_encoding.js');
module.exports = { TextDecoder, TextEncoder };
