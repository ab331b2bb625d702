'use strict';
module.exports = { setCoverageDirectory() {}, setSourceMapCacheGetter() {} };
