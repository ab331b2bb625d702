'use strict';
const { core } = require('internal/selvedge/host');
module.exports = core.loadExtScript('ext:selvedge/console.js').console;
