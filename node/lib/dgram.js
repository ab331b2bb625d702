'use strict';
// `node:dgram`: there is no UDP.
const { stub } = require('internal/selvedge/unsupported');
module.exports = stub('dgram', ['createSocket'], ['Socket']);
