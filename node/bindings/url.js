'use strict';
// What Node's old parser asks of the new one.
const { URL } = require('internal/url');
module.exports = {
  domainToASCII: (domain) => require('internal/url').domainToASCII(domain),
  domainToUnicode: (domain) => require('internal/url').domainToUnicode(domain),
  /** A URL's text with or without some of its parts. */
  format(href, hasHash, isUnicode, hasSearch, hasAuth) {
    const url = new URL(href);
    if (!hasHash) url.hash = '';
    if (!hasSearch) url.search = '';
    if (!hasAuth) {
      url.username = '';
      url.password = '';
    }
    let text = url.href;
    if (isUnicode && url.hostname !== '') {
      const unicode = require('internal/url').domainToUnicode(url.hostname);
      text = primordials.StringPrototypeReplace(text, url.hostname, unicode);
    }
    return text;
  },
};
