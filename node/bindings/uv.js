'use strict';
// Numbers, names and texts of errors, as libuv has them on Linux.
const { SafeMap } = primordials;
const list = require('internal/selvedge/uv_errors');
const map = new SafeMap();
for (let i = 0; i < list.length; i++) {
  map.set(list[i][0], [list[i][1], list[i][2]]);
  exports[`UV_${list[i][1]}`] = list[i][0];
}
exports.getErrorMap = () => map;
exports.getErrorMessage = (number) => map.get(number)?.[1] ?? `Unknown system error ${number}`;
exports.errname = (number) => map.get(number)?.[0] ?? `Unknown system error ${number}`;
