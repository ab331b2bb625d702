const form = document.querySelector("#add");
const said = document.querySelector("#said");
const pictures = document.querySelector("#pictures");

function shown({ id, title, width, height, thumbnail }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/pictures/${id}`;
  const image = document.createElement(thumbnail ? "img" : "div");
  if (thumbnail) {
    image.src = `/thumbnails/${id}`;
    image.alt = title;
  } else {
    image.className = "waits";
  }
  link.append(image);
  const text = document.createElement("span");
  text.textContent = thumbnail ? `${title}, ${width} × ${height}` : title;
  const remove = document.createElement("button");
  remove.textContent = "Delete";
  remove.onclick = async () => {
    await fetch(`/api/pictures/${id}`, { method: "DELETE" });
    await refresh();
  };
  item.append(link, text, remove);
  return item;
}

/** Shows what there is, and looks again as long as a thumbnail is to come. */
async function refresh() {
  const list = await (await fetch("/api/pictures")).json();
  pictures.replaceChildren(...list.map(shown));
  if (list.some(({ thumbnail }) => !thumbnail)) setTimeout(refresh, 300);
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const { title, file } = form.elements;
  const answer = await fetch(`/api/pictures?title=${encodeURIComponent(title.value)}`, {
    method: "POST",
    headers: { "content-type": "image/png" },
    body: file.files[0],
  });
  const { error } = await answer.json();
  said.textContent = error ?? "";
  if (answer.ok) form.reset();
  await refresh();
};

await refresh();
