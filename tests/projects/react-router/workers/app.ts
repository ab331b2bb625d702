import { createRequestHandler } from "react-router";

declare module "react-router" {
  interface AppLoadContext {
    cloudflare: { env: any; ctx: any };
  }
}

const handler = createRequestHandler(() => import("virtual:react-router/server-build"), import.meta.env.MODE);

export default {
  fetch(request: Request, env: any, ctx: any) {
    return handler(request, contextOf(env, ctx));
  },
};

import { cloudflareContext } from "./context";
import { RouterContextProvider } from "react-router";

function contextOf(env: any, ctx: any) {
  const context = new RouterContextProvider();
  context.set(cloudflareContext, { env, ctx });
  return context;
}
