'use strict';
// Which modules there are, for those who ask Node's library.
module.exports = {
  BuiltinModule: {
    exists: (id) => require('internal/selvedge/names').includes(id),
    canBeRequiredByUsers: (id) => require('internal/selvedge/names').includes(id),
    normalizeRequirableId: (id) => id,
  },
};
