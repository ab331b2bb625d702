import { getAssetFromKV, MethodNotAllowedError, NotFoundError } from "@cloudflare/kv-asset-handler";

const manifest = JSON.stringify({ "index.html": "index.1a2b.html", "style.css": "style.3c4d.css" });

export default {
  async fetch(request, env, ctx) {
    await env.ASSETS.put("index.1a2b.html", "<!doctype html><title>home</title>");
    await env.ASSETS.put("style.3c4d.css", "body { margin: 0 }");
    try {
      return await getAssetFromKV(
        { request, waitUntil: (promise) => ctx.waitUntil(promise) },
        { ASSET_NAMESPACE: env.ASSETS, ASSET_MANIFEST: manifest },
      );
    } catch (error) {
      if (error instanceof NotFoundError) return new Response("no such asset", { status: 404 });
      if (error instanceof MethodNotAllowedError) return new Response("not allowed", { status: 405 });
      throw error;
    }
  },
};
