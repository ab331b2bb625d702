'use strict';
const { unsupportedClass } = require('internal/selvedge/unsupported');
module.exports = { FSWatcher: unsupportedClass('fs', 'FSWatcher') };
