'use strict';
module.exports = {
  namespace: { addSerializeCallback() {}, addDeserializeCallback() {}, addAfterUserSerializeDeserializeSnapshot() {}, isBuildingSnapshot: () => false },
  addAfterUserSerializeDeserializeSnapshot() {},
  isBuildingSnapshot: () => false,
};
