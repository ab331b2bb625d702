'use strict';
module.exports = { GetAddrInfoReqWrap: class GetAddrInfoReqWrap {} };
