// 1 MiB of text compressed with gzip.
const row = "The quick brown fox jumps over the lazy dog, item ";
let text = "";
for (let i = 0; text.length < 1 << 20; i++) text += row + i * 7919 + "\n";
const bytes = new TextEncoder().encode(text);
export default {
  async fetch() {
    const packed = await new Response(new Response(bytes).body.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
    return new Response(`smaller ${packed.byteLength < bytes.length}`);
  },
};
