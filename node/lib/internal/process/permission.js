'use strict';
module.exports = { isEnabled: () => false, has: () => true };
