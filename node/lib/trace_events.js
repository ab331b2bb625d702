'use strict';
// `node:trace_events`: nothing is traced that way.
const { stub } = require('internal/selvedge/unsupported');
module.exports = { ...stub('trace_events', ['createTracing']), getEnabledCategories: () => '' };
