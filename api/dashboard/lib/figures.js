// Looks at the counters again and again, and makes rates of two looks.

const EVERY_MS = 2000;
const KEPT = 150;

function percentile(buckets, share) {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const wanted = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const [bound, count] of buckets) {
    seen += count;
    if (seen >= wanted) return bound / 1000;
  }
  return null;
}

function newer(after, before) {
  const known = new Map(before.buckets);
  return after.buckets.map(([bound, count]) => [bound, Math.max(0, count - (known.get(bound) ?? 0))]);
}

function merged(lists) {
  const sums = new Map();
  for (const list of lists) for (const [bound, count] of list) sums.set(bound, (sums.get(bound) ?? 0) + count);
  return [...sums].sort((a, b) => a[0] - b[0]);
}

const NONE = { requests: 0, errors: 0, subrequests: 0, wall: { sum_us: 0, buckets: [] }, cpu: { sum_us: 0, buckets: [] } };

// What one Worker did between two looks.
function sample(after, before, seconds) {
  const first = before ?? NONE;
  const wall = newer(after.wall, first.wall);
  const since = (now, then) => Math.max(0, now - then) / seconds;
  return {
    requests: since(after.requests, first.requests),
    errors: since(after.errors, first.errors),
    cpu: since(after.cpu.sum_us, first.cpu.sum_us) / 1e6,
    p50: percentile(wall, 0.5),
    p99: percentile(wall, 0.99),
    wall,
    isolates: after.isolates_now,
    memory: after.memory_bytes_now,
    websockets: after.websockets_now,
  };
}

function sum(samples) {
  const wall = merged(samples.map((item) => item.wall));
  const total = (key) => samples.reduce((all, item) => all + item[key], 0);
  return {
    requests: total("requests"), errors: total("errors"), cpu: total("cpu"), isolates: total("isolates"),
    memory: total("memory"), websockets: total("websockets"), wall,
    p50: percentile(wall, 0.5), p99: percentile(wall, 0.99),
  };
}

// Calls `changed(history)` after each look. `history.workers` has a list of
// samples for each Worker, `history.all` their sums. Gives what stops it.
export function watch(account, changed) {
  const history = { times: [], all: [], workers: new Map(), last: null };
  let before = null;
  let stopped = false;
  async function look() {
    if (stopped) return;
    try {
      const after = await account.figures();
      if (stopped) return;
      const now = performance.now();
      take(after, now);
      changed(history, null);
    } catch (error) {
      if (!stopped) changed(history, error);
    }
    if (!stopped) timer = setTimeout(look, EVERY_MS);
  }
  function take(after, now) {
    history.last = after;
    const restarted = before && before.figures.started !== after.started;
    if (before && !restarted) {
      const seconds = Math.max(0.001, (now - before.at) / 1000);
      const known = new Map(before.figures.workers.map((worker) => [worker.script, worker]));
      history.times.push(Date.now());
      const samples = [];
      for (const worker of after.workers) {
        const made = sample(worker, known.get(worker.script), seconds);
        samples.push(made);
        const list = history.workers.get(worker.script) ?? new Array(history.times.length - 1).fill(null);
        list.push(made);
        history.workers.set(worker.script, list);
      }
      history.all.push(sum(samples));
      for (const list of [history.times, history.all, ...history.workers.values()]) {
        while (list.length > KEPT) list.shift();
      }
    }
    before = { figures: after, at: now };
  }
  let timer = null;
  look();
  return () => { stopped = true; clearTimeout(timer); };
}
