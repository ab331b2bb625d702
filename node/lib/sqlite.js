'use strict';
// `node:sqlite`: databases are in Durable Objects and D1.
const { stub } = require('internal/selvedge/unsupported');
module.exports = { ...stub('sqlite', ['backup'], ['DatabaseSync', 'StatementSync']), constants: {} };
