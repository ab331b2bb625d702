// At most LIMIT requests in WINDOW_MS for each client address. The object of an
// address counts in memory: a method that only computes needs no storage.
import { DurableObject } from "cloudflare:workers";

const LIMIT = 3;
const WINDOW_MS = 60_000;

export class Limiter extends DurableObject {
  #count = 0;
  #ends = 0;

  /** Counts a request. Gives how many more may come, and when counting begins anew. */
  limit() {
    const now = Date.now();
    if (now >= this.#ends) {
      this.#count = 0;
      this.#ends = now + WINDOW_MS;
    }
    this.#count += 1;
    return { allowed: this.#count <= LIMIT, left: Math.max(0, LIMIT - this.#count), ends: this.#ends };
  }
}

export default {
  async fetch(request, { LIMITER }) {
    const address = request.headers.get("cf-connecting-ip") ?? "unknown";
    const { allowed, left, ends } = await LIMITER.getByName(address).limit();
    if (allowed) return new Response(`Hello! ${left} left\n`);
    const seconds = Math.ceil((ends - Date.now()) / 1000);
    return new Response("Too many requests\n", { status: 429, headers: { "retry-after": `${seconds}` } });
  },
};
