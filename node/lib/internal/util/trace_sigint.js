'use strict';
module.exports = { setTraceSigInt() {} };
