/** Finds the handler of a request by its method and path. */
export class Router {
  #routes = [];

  get(path, handler) {
    return this.#add("GET", path, handler);
  }

  post(path, handler) {
    return this.#add("POST", path, handler);
  }

  #add(method, path, handler) {
    this.#routes.push({ method, parts: path.split("/"), handler });
    return this;
  }

  /** The handler's response; nothing if no route fits. */
  async handle(request, env, ctx) {
    const parts = new URL(request.url).pathname.split("/");
    const fitting = [];
    for (const route of this.#routes) {
      const params = match(route.parts, parts);
      if (params === null) continue;
      if (route.method === request.method) {
        return route.handler({ request, env, ctx, params });
      }
      fitting.push(route.method);
    }
    if (fitting.length === 0) return undefined;
    return Response.json(
      { error: `${request.method} is not allowed here` },
      { status: 405, headers: { allow: fitting.join(", ") } },
    );
  }
}

function match(route, path) {
  if (route.length !== path.length) return null;
  const params = {};
  for (let i = 0; i < route.length; i++) {
    if (route[i].startsWith(":")) {
      try {
        params[route[i].slice(1)] = decodeURIComponent(path[i]);
      } catch {
        return null;
      }
    } else if (route[i] !== path[i]) {
      return null;
    }
  }
  return params;
}
