'use strict';
const { core } = require('internal/selvedge/host');
module.exports = { File: core.loadExtScript('ext:deno_web/09_file.js').File };
