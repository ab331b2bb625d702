'use strict';
module.exports = { isMainThread: true, ownsProcessState: true, threadId: 0 };
