// A list of 1,000 records cloned.
const records = Array.from({ length: 1000 }, (_, i) => ({
  id: i,
  name: `record ${i}`,
  tags: ["one", "two", "three"],
  at: new Date(1700000000000 + i),
  size: { width: i, height: i * 2, map: new Map([[i, "x"]]) },
}));
export default {
  fetch() {
    return new Response(`records ${structuredClone(records).length}`);
  },
};
