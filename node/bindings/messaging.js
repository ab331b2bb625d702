'use strict';
const { core } = require('internal/selvedge/host');
const { DOMException } = core.loadExtScript('ext:deno_web/01_dom_exception.js');
module.exports = { DOMException };
