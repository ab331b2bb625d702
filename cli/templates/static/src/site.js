/** Serves texts by their paths. */
export class Site {
  #files;
  #missing;
  #tags = new Map();

  /** `files` maps paths to `{ type, text }`; `missing` is the page for all others. */
  constructor(files, missing) {
    this.#files = new Map(Object.entries(files));
    this.#missing = missing;
  }

  async serve(request) {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("only GET and HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const { pathname } = new URL(request.url);
    const file = this.#files.get(pathname);
    const isHead = request.method === "HEAD";
    if (file === undefined) {
      return new Response(isHead ? null : this.#missing, {
        status: 404,
        headers: { "content-type": "text/html; charset=utf-8" },
      });
    }
    const etag = await this.#tag(pathname, file.text);
    const headers = { "content-type": file.type, "cache-control": "no-cache", etag };
    if (request.headers.get("if-none-match") === etag) {
      return new Response(null, { status: 304, headers });
    }
    return new Response(isHead ? null : file.text, { headers });
  }

  async #tag(path, text) {
    let tag = this.#tags.get(path);
    if (tag === undefined) {
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
      const bytes = Array.from(new Uint8Array(digest).subarray(0, 8));
      tag = `"${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
      this.#tags.set(path, tag);
    }
    return tag;
  }
}
