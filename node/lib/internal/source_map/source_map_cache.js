'use strict';
module.exports = { findSourceMap: () => undefined, getSourceMapsSupport: () => ({ __proto__: null, enabled: false }) };
