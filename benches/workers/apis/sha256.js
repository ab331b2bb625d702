// The SHA-256 of 1 MiB.
const bytes = new Uint8Array(1 << 20).fill(7);
export default {
  async fetch() {
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    return new Response(`bytes ${digest.byteLength}`);
  },
};
