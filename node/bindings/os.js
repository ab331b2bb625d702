'use strict';
module.exports = { getOSInformation: () => ['Linux', '', '', 'x86_64'] };
