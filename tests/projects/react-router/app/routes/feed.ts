export function loader() {
  return Response.json({ items: [1, 2, 3] }, { headers: { "cache-control": "max-age=60" } });
}
