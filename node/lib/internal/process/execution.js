'use strict';
module.exports = { tryGetCwd: () => process.cwd() };
