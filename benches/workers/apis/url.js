// 500 URLs parsed, a parameter of each read, one set.
export default {
  fetch() {
    let sum = 0;
    for (let i = 0; i < 500; i++) {
      const url = new URL(`https://user@www.example.com:8443/a/b/../c/${i}?q=one+two&page=${i}&x=%C3%A9#part`);
      sum += Number(url.searchParams.get("page")) + url.pathname.length;
      url.searchParams.set("q", "three");
      sum += url.href.length;
    }
    return new Response(`sum ${sum > 0}`);
  },
};
