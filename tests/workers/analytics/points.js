import { equal, throws } from "../assert.js";

export const points_are_taken_at_once = {
  test(_, { EVENTS }) {
    equal(EVENTS.writeDataPoint({ indexes: ["i"], blobs: ["a", null], doubles: [1.5, 2] }), undefined);
    equal(EVENTS.writeDataPoint({}), undefined);
    equal(EVENTS.writeDataPoint(), undefined);
  },
};
