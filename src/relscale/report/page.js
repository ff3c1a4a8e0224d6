"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Tables: sort by a column, filter by words and by verdict, choose a row.
for (const table of all("table.verdicts")) {
  const heads = all("thead th", table);
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = all("tbody tr", table).sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }));
}
let shown = null;
function filter() {
  for (const section of all("section")) {
    const words = (section.querySelector("input.filter")?.value ?? "").toLowerCase().split(/\s+/);
    for (const row of all("tr[data-verdict]", section)) {
      const text = row.textContent.toLowerCase();
      row.hidden = (shown && row.dataset.verdict !== shown) || !words.every(word => text.includes(word));
      row.style.display = row.hidden ? "none" : "";
    }
  }
}
all("input.filter").forEach(input => input.addEventListener("input", filter));
all(".card").forEach(card => card.addEventListener("click", () => {
  shown = shown === card.dataset.verdict ? null : card.dataset.verdict;
  all(".card").forEach(other => other.setAttribute("aria-pressed", String(other.dataset.verdict === shown)));
  filter();
}));
function choose(row) {
  const again = row.classList.contains("selected");
  all(".selected").forEach(each => each.classList.remove("selected"));
  all(".dimmed").forEach(each => each.classList.remove("dimmed"));
  if (again) return;
  row.classList.add("selected");
  for (const line of all("[data-line]")) {
    if (line.dataset.line !== row.id) continue;
    const chart = line.closest(".multiple");
    chart.classList.add("selected");
    line.classList.add("selected");
    all(".line", chart).forEach(other => other.classList.toggle("dimmed", other !== line));
    const folded = chart.closest("details");
    if (folded) folded.open = true;
  }
}
for (const row of all("tr[data-verdict]")) {
  row.addEventListener("click", () => choose(row));
  row.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(row); }
  });
}

// Figures: plotly is unpacked when the first figure comes into view.
let library = null;
async function unpack(id) {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
async function load() {
  const script = document.createElement("script");
  script.textContent = await unpack("packed-plotly");
  document.head.append(script);
  return JSON.parse(await unpack("packed-figures"));
}
async function draw(place) {
  if (place.dataset.drawn) return;
  place.dataset.drawn = "…";
  try {
    library ??= load();
    const { config, pointed, figures } = await library;
    const figure = figures[place.dataset.figure];
    place.dataset.page = place.parentElement.clientWidth;
    await Plotly.newPlot(place, figure.data, arranged(figure.layout, place.parentElement.clientWidth), config);
    place.dataset.drawn = "yes";
    const bands = (group, opacity) => {
      const traces = [];
      place.data.forEach((trace, i) => trace.meta === pointed && trace.legendgroup === group && traces.push(i));
      if (traces.length) Plotly.restyle(place, { opacity }, traces);
    };
    place.on("plotly_hover", event => bands(event.points[0].data.legendgroup, 1));
    place.on("plotly_unhover", event => bands(event.points[0].data.legendgroup, 0));
  } catch (error) {
    place.textContent = `Drawing failed (${error}); use a browser of 2023 or later.`;
    place.dataset.drawn = "no";
  }
}
const places = all(".plot");
const drawn = () => places.filter(place => place.dataset.drawn === "yes");
whenResized(() => drawn().filter(place => place.layout.meta?.arrangements).forEach(reflow));
if ("IntersectionObserver" in window) {
  const watcher = new IntersectionObserver(entries => entries.forEach(entry => {
    if (entry.isIntersecting) { watcher.unobserve(entry.target); draw(entry.target); }
  }), { rootMargin: "600px" });
  places.forEach(place => watcher.observe(place));
  const links = new Map(all("nav a").map(link => [link.hash.slice(1), link]));
  const reader = new IntersectionObserver(entries => entries.forEach(entry => {
    if (!entry.isIntersecting) return;
    links.forEach(link => link.classList.remove("here"));
    const link = links.get(entry.target.id), menu = document.querySelector("nav");
    link?.classList.add("here");
    if (link && menu.scrollWidth > menu.clientWidth) menu.scrollLeft = link.offsetLeft - menu.clientWidth / 3;
  }), { rootMargin: "-20% 0px -70%" });
  all("main > section").forEach(section => reader.observe(section));
} else places.forEach(draw);
// On paper a figure fits the width of the page, and its height if the text stays legible. Figures that were not
// scrolled to are drawn while the browser is idle.
const PAPER = { width: 700, height: 900 }, LEAST = 0.45;
function onPaper({ width = PAPER.width, height = PAPER.height } = {}) {
  const across = Math.min(1, PAPER.width / width), whole = Math.min(across, PAPER.height / height);
  return whole < LEAST ? across : whole;
}
addEventListener("load", () => {
  const idle = window.requestIdleCallback ?? (act => setTimeout(act, 200));
  const next = () => {
    const place = places.find(each => !each.dataset.drawn);
    if (place) draw(place).then(() => idle(next));
  };
  setTimeout(() => idle(next), 2000);
});
addEventListener("beforeprint", () => places.forEach(place => {
  draw(place);
  place.style.zoom = onPaper(place.layout);
}));
addEventListener("afterprint", () => places.forEach(place => { place.style.zoom = ""; }));

