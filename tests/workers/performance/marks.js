// Marks and measures.
import { equal, ok, same, throws } from "../assert.js";

const clear = () => {
  performance.clearMarks();
  performance.clearMeasures();
};

export const marks_and_measures = {
  test() {
    clear();
    performance.mark("a");
    const mark = performance.mark("b", { detail: { x: 1 }, startTime: 5 });
    ok(mark instanceof PerformanceMark && mark instanceof PerformanceEntry);
    same([mark.name, mark.entryType, mark.startTime, mark.duration, mark.detail], ["b", "mark", 5, 0, { x: 1 }]);
    const measure = performance.measure("m", "a", "b");
    ok(measure instanceof PerformanceMeasure);
    same([measure.name, measure.entryType, measure.detail], ["m", "measure", null]);
    same([performance.getEntriesByName("a").length, performance.getEntriesByType("mark").length], [1, 2]);
    same(JSON.parse(JSON.stringify(mark)), { name: "b", entryType: "mark", startTime: 5, duration: 0, detail: { x: 1 } });
    const between = performance.measure("q", { start: 1, end: 5 });
    same([between.startTime, between.duration], [1, 4]);
    equal(new PerformanceMark("own", { startTime: 1 }).startTime, 1);
    performance.clearMarks("a");
    equal(performance.getEntriesByName("a").length, 0);
    clear();
    equal(performance.getEntries().length, 0);
  },
};

export const classes_without_constructors = {
  test() {
    throws(() => new PerformanceEntry(), TypeError);
    throws(() => new PerformanceMeasure(), TypeError);
    throws(() => new PerformanceObserver(), TypeError);
    throws(() => performance.mark(), TypeError);
    same([...PerformanceObserver.supportedEntryTypes].sort(), ["mark", "measure"]);
  },
};

export const observers_are_told = {
  async test() {
    const seen = [];
    const observer = new PerformanceObserver((list, it) => {
      seen.push(list.getEntries().map((entry) => entry.name), it === observer);
    });
    observer.observe({ entryTypes: ["mark"] });
    performance.mark("one");
    await scheduler.wait(1);
    performance.mark("two");
    same(observer.takeRecords().map((entry) => entry.name), ["two"]);
    observer.disconnect();
    performance.mark("three");
    await scheduler.wait(1);
    same(seen, [["one"], true]);
    clear();
  },
};
