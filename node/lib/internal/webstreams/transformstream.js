'use strict';
module.exports = require('internal/selvedge/webstreams');
