'use strict';
const { connect, TLSSocket } = require('tls');
module.exports = { connect, TLSSocket };
