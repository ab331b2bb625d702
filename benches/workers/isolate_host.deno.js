// A host of isolates for `selvedge-bench isolates`, with Deno's Web Workers. The protocol
// is described in src/isolates.rs.
const live = [];

function make() {
  const worker = new Worker(new URL("./isolate.js", import.meta.url), { type: "module" });
  const answered = new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = reject;
  });
  worker.postMessage("request");
  return { worker, answered };
}

async function answer(line) {
  const [verb, count] = line.split(" ");
  if (verb === "isolates") {
    while (live.length < Number(count)) {
      const { worker, answered } = make();
      await answered;
      live.push(worker);
    }
    return "ok";
  }
  if (verb === "cold") {
    const start = performance.now();
    const { worker, answered } = make();
    await answered;
    const microseconds = Math.round((performance.now() - start) * 1000);
    worker.terminate();
    return `us ${microseconds}`;
  }
  return `unknown line ${line}`;
}

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) console.log(await answer(line));
}
Deno.exit(0);
