'use strict';
const { createSecureContext, SecureContext } = require('tls');
const { translatePeerCertificate } = require('internal/tls/common');
module.exports = { createSecureContext, SecureContext, translatePeerCertificate };
