// What a page can not do without a script: charts, the network picture, pausing, a key for search.
// Everything else works without it.  No inline code, no eval: the content security policy refuses both.
"use strict";

const ACTIONS = ["block", "challenge", "throttle", "allow"];
const KEPT_POINTS = 450; // a quarter of an hour, as the server keeps it

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const find = (id) => document.getElementById(id);

function axes() {
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  return [{ ...axis, space: 70, size: 30, values: clocks }, { ...axis, size: 58 }];
}

function clocks(_chart, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  return ticks.map((at) => new Date(at * 1000).toISOString().slice(step < 86400 ? 11 : 5, step < 60 ? 19 : step < 86400 ? 16 : 10));
}

function chart(place, series, data) {
  const made = new uPlot(
    {
      width: Math.max(place.clientWidth, 200), height: 170, series: [{}, ...series], axes: axes(),
      legend: { show: false }, cursor: { show: false }, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "UTC"),
      scales: { y: { range: (_chart, _low, high) => [0, Math.max(high * 1.1, 1)] } },
    },
    data, place,
  );
  new ResizeObserver(() => made.setSize({ width: Math.max(place.clientWidth, 200), height: 170 })).observe(place);
  return made;
}

function describe(place, words) {
  const caption = place.parentElement.querySelector("figcaption");
  place.setAttribute("aria-label", caption.textContent + ": " + words);
  place.removeAttribute("aria-labelledby");
}

function stacked(counts) {
  // Each line is the sum of itself and all below, drawn from the top, so that areas do not hide one another.
  let below = counts.at.map(() => 0);
  const sums = [...ACTIONS].reverse().map((action) => (below = below.map((sum, i) => sum + counts[action][i])));
  return [counts.at, ...sums.reverse()];
}

async function points() {
  const answer = await fetch("/points.json", { headers: { Accept: "application/json" } });
  return answer.ok ? answer.json() : null;
}

async function overview() {
  const rate = find("rate"), slots = find("slots");
  if (!rate || !slots) return;
  let known = await points();
  if (!known) return;
  const draw = () => {
    rate.replaceChildren(); slots.replaceChildren();
    const first = chart(rate, [{ stroke: colour("accent"), width: 1.5, fill: colour("accent") + "22", points: { show: false } }], [known.rate.at, known.rate.rate]);
    const bars = uPlot.paths.bars({ size: [0.8, 40] });
    const second = chart(slots, ACTIONS.map((name) => ({ stroke: colour(name), fill: colour(name), width: 0, paths: bars, points: { show: false } })), stacked(known.decisions));
    return [first, second];
  };
  let [rates, decisions] = draw();
  const tell = () => {
    const last = known.rate.rate.at(-1) ?? 0;
    describe(rate, last.toFixed(1) + " now");
    describe(slots, ACTIONS.map((name) => known.decisions[name].reduce((a, b) => a + b, 0) + " " + name).join(", "));
  };
  tell();
  document.body.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (find("pause")?.getAttribute("aria-pressed") === "true") return event.preventDefault();
    if (event.detail.type !== "point") return;
    event.preventDefault();
    const [at, value] = JSON.parse(event.detail.data);
    if (!at || at === known.rate.at.at(-1)) return;
    known.rate.at.push(at); known.rate.rate.push(value);
    if (known.rate.at.length > KEPT_POINTS) { known.rate.at.shift(); known.rate.rate.shift(); }
    rates.setData([known.rate.at, known.rate.rate]);
    tell();
  });
  setInterval(async () => {
    const fresh = await points();
    if (!fresh || find("pause").getAttribute("aria-pressed") === "true") return;
    known = fresh;
    decisions.setData(stacked(known.decisions));
    tell();
  }, 15000);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { [rates, decisions] = draw(); });
}

async function growth() {
  const place = find("growth");
  if (!place) return;
  const answer = await fetch(place.dataset.url);
  if (!answer.ok) return;
  const known = await answer.json();
  const draw = () => {
    place.replaceChildren();
    chart(place, [{ stroke: colour("block"), width: 1.5, fill: colour("block") + "22", points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }], [known.at, known.accounts]);
  };
  draw();
  describe(place, known.accounts.at(-1) + " so far");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// What is shared stands on an inner ring, accounts on an outer one, each near what it shows: the rarer, the
// nearer.  The same campaign is drawn the same way each time, and no name lies on another.
function rings(graph, width, height) {
  const indicators = graph.nodes("[is = 'indicator']"), accounts = graph.nodes("[is = 'account']");
  const set = (nodes, shares) => nodes.forEach((node, i) => {
    const share = shares[i % shares.length];
    const turn = (2 * Math.PI * (i + 0.5)) / nodes.length - Math.PI / 2;
    node.scratch("turn", turn);
    node.position({ x: (share * width * Math.cos(turn)) / 2, y: (share * height * Math.sin(turn)) / 2 });
  });
  set(indicators, width < 600 ? [0.34, 0.7] : [0.52]); // on a phone every other one further out: names are as wide as ever
  const pull = new Map(accounts.map((node) => {
    let x = 0, y = 0;
    node.neighborhood("node").forEach((near) => { x += Math.cos(near.scratch("turn")) / near.degree(); y += Math.sin(near.scratch("turn")) / near.degree(); });
    return [node.id(), (Math.atan2(y, x) + 2.5 * Math.PI) % (2 * Math.PI)];
  }));
  set(accounts.sort((a, b) => pull.get(a.id()) - pull.get(b.id())), [1]);
}

function network() {
  const place = find("network");
  if (!place) return;
  fetch(place.dataset.url).then((answer) => answer.json()).then((elements) => {
    const style = () => [
      { selector: "node", style: { width: 14, height: 14, label: "data(label)", color: colour("ink"), "font-size": 11, "text-valign": "bottom", "text-margin-y": 3, "background-color": colour("soft") } },
      { selector: "node[is = 'indicator']", style: { shape: "rectangle", width: 18, height: 18, "text-background-color": colour("panel"), "text-background-opacity": 0.85, "text-background-padding": 2, "z-index": 2 } },
      ...ACTIONS.map((name) => ({ selector: `node[action = '${name}']`, style: { "background-color": colour(name) } })),
      { selector: "edge", style: { width: 1, "line-color": colour("soft"), opacity: 0.28 } },
      { selector: ".near", style: { opacity: 1 } },
      { selector: "edge.near", style: { "line-color": colour("accent"), width: 2, opacity: 1 } },
    ];
    const graph = cytoscape({ container: place, elements, style: style(), minZoom: 0.2, maxZoom: 3, userZoomingEnabled: false, layout: { name: "preset" } });
    const arrange = () => { rings(graph, place.clientWidth, place.clientHeight); graph.resize(); graph.fit(undefined, 20); };
    arrange();
    new ResizeObserver(arrange).observe(place);
    graph.on("mouseover tap", "node", (event) => {
      graph.elements().removeClass("near");
      event.target.closedNeighborhood().addClass("near");
      place.title = event.target.data("title");
    });
    graph.on("mouseout", "node", () => graph.elements().removeClass("near"));
    graph.on("dbltap", "node[is = 'account']", (event) => { location.href = "/account?id=" + encodeURIComponent(event.target.data("title")); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => graph.style(style()));
    place.dataset.drawn = graph.nodes().length + " " + graph.edges().length;
  });
}

function pausing() {
  const button = find("pause");
  button?.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Paused: go on" : "Pause updates";
    if (!paused) location.reload(); // what came meanwhile was not shown
  });
}

document.addEventListener("keydown", (event) => {
  const typing = /^(input|select|textarea)$/i.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); find("q")?.focus(); }
});

// A part that has not changed is not put in again: a screen reader would read it again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  if (!target || event.detail.xhr?.status !== 200) return;
  const text = event.detail.serverResponse;
  if (target.dataset.shown === text) event.detail.shouldSwap = false;
  target.dataset.shown = text;
});

document.addEventListener("DOMContentLoaded", () => { pausing(); network(); growth(); overview(); });
