import about from "./pages/about.html";
import index from "./pages/index.html";
import missing from "./pages/404.html";
import style from "./pages/style.css";
import robots from "./pages/robots.txt";
import { Site } from "./site.js";

const site = new Site(
  {
    "/": { type: "text/html; charset=utf-8", text: index },
    "/about": { type: "text/html; charset=utf-8", text: about },
    "/style.css": { type: "text/css; charset=utf-8", text: style },
    "/robots.txt": { type: "text/plain; charset=utf-8", text: robots },
  },
  missing,
);

export default {
  async fetch(request, env, ctx) {
    return site.serve(request);
  },
};
