'use strict';
const { unsupportedClass } = require('internal/selvedge/unsupported');
module.exports = unsupportedClass('_stream_wrap', 'JSStreamSocket');
