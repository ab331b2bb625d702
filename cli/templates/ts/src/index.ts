import { greeting } from "./greeting";

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { searchParams } = new URL(request.url);
    return new Response(greeting(env.GREETING, searchParams.get("name")));
  },
} satisfies ExportedHandler<Env>;
