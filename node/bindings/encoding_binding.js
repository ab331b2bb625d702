'use strict';
module.exports = {
  toASCII: (domain) => require('internal/url').domainToASCII(domain),
  toUnicode: (domain) => require('internal/url').domainToUnicode(domain),
};
