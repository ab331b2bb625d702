// compatibility-flags: temporal
// `Temporal`, which comes with 2026-12-01.
import { equal, ok } from "../assert.js";

export const temporalIsThere = {
  test() {
    equal(Temporal.PlainDate.from("2026-02-28").add({ days: 1 }).toString(), "2026-03-01");
    equal(new Date(0).toTemporalInstant().epochMilliseconds, 0);
  },
};

export const itsClockIsThatOfDate = {
  test() {
    const before = Date.now();
    const { epochMilliseconds } = Temporal.Now.instant();
    ok(epochMilliseconds >= before && epochMilliseconds <= before + 60000);
    equal(Temporal.Now.zonedDateTimeISO("UTC").timeZoneId, "UTC");
    ok(Math.abs(Temporal.Now.plainDateTimeISO("UTC").toZonedDateTime("UTC").epochMilliseconds - before) < 60000);
    equal(typeof Temporal.Now.plainDateISO().year, "number");
    equal(typeof Temporal.Now.plainTimeISO().hour, "number");
  },
};
