'use strict';
module.exports = { translatePeerCertificate: (certificate) => certificate };
