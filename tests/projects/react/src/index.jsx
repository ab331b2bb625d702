import { Suspense, use } from "react";
import { renderToReadableStream, renderToString } from "react-dom/server";

function Item({ name, children }) {
  return <li title={name}>{children}</li>;
}

function Later({ value }) {
  return <p>later: {use(value)}</p>;
}

function Page({ names, value }) {
  return (
    <html lang="en">
      <head><title>React</title></head>
      <body>
        <ul>{names.map((name) => <Item key={name} name={name}>{name.toUpperCase()}</Item>)}</ul>
        <Suspense fallback={<p>wait</p>}>
          <Later value={value} />
        </Suspense>
      </body>
    </html>
  );
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/text") return new Response(renderToString(<Item name="a & b">{1 + 1}</Item>));
    const value = scheduler.wait(5).then(() => "here");
    const stream = await renderToReadableStream(<Page names={["ada", "grace"]} value={value} />);
    if (pathname === "/whole") await stream.allReady;
    return new Response(stream, { headers: { "content-type": "text/html" } });
  },
};
