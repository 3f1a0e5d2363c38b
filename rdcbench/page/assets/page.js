"use strict";
/* Everything that comes from runs reaches the page as text, never as HTML. */
const data = JSON.parse(document.getElementById("data").textContent);
const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F98"];
const SHAPES = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star"];
const MAIN = ["rate_coded", "mse", "perception", "ce_judge", "accuracy_judge", "ce", "accuracy"];
const several = data.runs.length > 1;

function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key in node && key !== "list" && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const known = (number) => number !== null && number !== undefined;

/* A number with the digits that its interval supports. */
function digits(half) { return half > 0 ? Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(half)))) : null; }
function show(number, half) {
  if (!known(number)) return "";
  const places = digits(half);
  if (places !== null) return number.toFixed(places);
  return Math.abs(number) >= 1000 ? Math.round(number).toLocaleString("en") : String(Number(number.toPrecision(4)));
}
/* Half-width over images and seeds together. */
function half(value) {
  const of = (low, high) => (known(low) && known(high) ? (high - low) / 2 : 0);
  return Math.hypot(of(value[1], value[2]), of(value[3], value[4]));
}
function text(row, field) {
  const value = row.values[field];
  if (!value) return field in row.costs ? show(row.costs[field], 0) : "";
  const width = half(value);
  return width > 0 ? `${show(value[0], width)} ± ${show(width, width)}` : show(value[0], 0);
}
const number = (row, field) => (row.values[field] ? row.values[field][0] : row.costs[field] ?? null);
const names = (series) => series.studies.join(" + ");
const label = (row) => `${several ? row.run + " / " : ""}${row.study} ${row.point}`;
const unit = (field) => (data.fields[field] && data.fields[field].unit) || "";

/* ------------------------------------------------------------------ images and the chosen point */
function picture(index, alt) { return el("img", { src: data.strips[index], alt, decoding: "async" }); }
const inspector = document.getElementById("inspector");
function inspect(row) {
  const shown = MAIN.filter((field) => row.values[field]).map((field) => `${field} ${text(row, field)}`).join(", ");
  inspector.replaceChildren(
    el("button", { type: "button", "aria-label": "Close", onclick: () => { inspector.hidden = true; } }, "×"),
    el("p", {}, el("strong", {}, label(row)), ` (${row.title})`),
    el("p", {}, shown));
  if (row.strips) inspector.append(picture(row.strips[0], "input"), picture(row.strips[1], "reconstruction"),
    el("p", { class: "soft" }, "Input above, what was decoded from the file below."));
  else inspector.append(el("p", { class: "soft" }, "This row kept no sample images."));
  inspector.hidden = false;
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") inspector.hidden = true; });

/* ------------------------------------------------------------------------- best rows as cards */
function methods() {
  const ranked = data.methods.filter((one) => known(one.rank));
  if (!ranked.length) return;
  const line = (one) => {
    const width = (one.volume[2] - one.volume[1]) / 2, [share, low, high] = one.volume.map((number) => show(number, width));
    return el("li", {}, `${one.rank}. ${several ? one.run + " / " : ""}${one.study}: ${share} [${low}, ${high}]`,
      known(one.receiver_bytes) ? el("span", { class: "soft" }, `, receiver ${show(one.receiver_bytes, 0)} bytes`) : null);
  };
  document.getElementById("cards").append(el("div", { class: "card" }, el("h3", {}, "Over all: studies by hypervolume"),
    el("ul", { class: "ranks" }, ...ranked.slice(0, 5).map(line)),
    el("p", { class: "soft" }, `Share of the box between ideal and reference; places within an interval are shared. ${data.box}. ` +
      "Receiver: what decoding keeps of weights, tables and stored images, mean over the points.")));
}
function cards() {
  for (const [aspect, field] of Object.entries(data.best)) {
    const info = data.fields[field], sign = info.direction === "higher" ? -1 : 1;
    const rows = data.rows.filter((row) => row.values[field]);
    if (!rows.length) continue;
    rows.sort((a, b) => sign * (number(a, field) - number(b, field)));
    const [first] = rows;
    const ties = rows.slice(1).filter((row) =>
      Math.abs(number(row, field) - number(first, field)) <= Math.hypot(half(row.values[field]), half(first.values[field])));
    document.getElementById("cards").append(el("div", { class: "card" },
      el("h3", {}, info.title),
      el("p", { class: "value" }, text(first, field)),
      el("p", {}, el("button", { type: "button", onclick: () => inspect(first) }, label(first))),
      el("p", { class: "soft" }, `at ${text(first, "rate_coded")} coded bit/image, mse ${text(first, "mse")}`),
      el("p", { class: "soft" }, ties.length ? `Tied within intervals: ${ties.length} more, ` +
        ties.slice(0, 2).map(label).join("; ") + (ties.length > 2 ? "; …" : "") : "No other row is within its interval.")));
  }
}

/* ----------------------------------------------------------------------------------- figures */
function bars(rows, field, low, high) {
  const ends = rows.map((row) => row.values[field]);
  return { type: "data", symmetric: false, visible: ends.some((one) => known(one[high])),
    array: ends.map((one) => (known(one[high]) ? one[high] - one[0] : 0)),
    arrayminus: ends.map((one) => (known(one[low]) ? one[0] - one[low] : 0)) };
}
function traces(figure, x, off) {
  const y = figure.y, found = [], points = [];
  figure.series.forEach((series, place) => {
    if (off.has(`series ${place}`)) return;
    const rows = series.rows.map((index) => data.rows[index]).filter((row) => row.values[x] && row.values[y]);
    const color = COLORS[place % COLORS.length];
    const base = { type: "scatter", x: rows.map((row) => number(row, x)), y: rows.map((row) => number(row, y)), hoverinfo: "none", showlegend: false };
    const bar = (low, high, style) => ({ error_x: { ...bars(rows, x, low, high), ...style }, error_y: { ...bars(rows, y, low, high), ...style } });
    found.push({ ...base, mode: "markers", marker: { size: 1, color }, opacity: 0.35, hoverinfo: "skip",
      ...bar(1, 2, { color, thickness: 5, width: 0 }) });
    if (rows.some((row) => row.seeds > 1))
      found.push({ ...base, mode: "markers", marker: { size: 1, color }, hoverinfo: "skip", ...bar(3, 4, { color: css("--ink"), thickness: 1, width: 3 }) });
    const marker = { size: 9, color, symbol: SHAPES[place % SHAPES.length] };
    if (figure.third) Object.assign(marker, { color: rows.map((row) => number(row, figure.third)), coloraxis: "coloraxis", line: { color, width: 1.5 } });
    found.push({ ...base, mode: series.joined && figure.kind === "front" ? "lines+markers" : "markers", line: { color, width: 1.5 }, marker,
      customdata: rows.map((row) => data.rows.indexOf(row)) });
    rows.forEach((row, index) => points.push({ row, trace: found.length - 1, index }));
  });
  const owner = (study, place) => { const of = figure.series.findIndex((one) => one.studies.includes(study)); return of < 0 ? place : of; };
  if (!off.has("paper")) figure.paper.forEach((one, place) => found.push({
    type: "scatter", mode: "markers", x: one.points[x].map((p) => p[0]), y: one.points[x].map((p) => p[1]), showlegend: false,
    marker: { size: 9, color: COLORS[owner(one.study, place) % COLORS.length], symbol: "circle-open", line: { width: 1.5 } },
    hovertemplate: `${escaped(one.label)}<br>%{x}, %{y}<extra></extra>` }));
  if (!off.has("bounds") && (figure.marks[x] || []).length) found.push({
    type: "scatter", mode: "markers+text", x: figure.marks[x].map((m) => m.x), y: figure.marks[x].map((m) => m.y), showlegend: false,
    text: figure.marks[x].map((m) => escaped(m.text)), textposition: figure.marks[x].map((m) => (figure.lines.some((line) => line.y === m.y) ? "bottom right" : "top right")), textfont: { size: 10, color: css("--soft") },
    marker: { size: 10, symbol: "star", color: css("--ink") }, hoverinfo: "skip", cliponaxis: false });
  return { found, points };
}
function layout(figure, x, off) {
  const axis = (field) => ({ title: { text: escaped(data.fields[field].axis), font: { size: 12 } }, gridcolor: css("--line"),
    zeroline: false, linecolor: css("--soft"), automargin: true });
  const lines = off.has("bounds") ? [] : figure.lines;
  return {
    paper_bgcolor: css("--panel"), plot_bgcolor: css("--panel"), font: { color: css("--ink"), size: 11 }, hovermode: "closest",
    margin: { l: 60, r: 16, t: 10, b: 48 }, xaxis: axis(x), yaxis: axis(figure.y),
    shapes: lines.map((one) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: one.y, y1: one.y, line: { color: css("--soft"), width: 1, dash: "dash" } })),
    annotations: lines.map((one) => ({ xref: "paper", x: 1, y: one.y, text: escaped(one.text), showarrow: false, xanchor: "right", yanchor: "bottom",
      font: { size: 10, color: css("--soft") } })),
    coloraxis: figure.third ? { colorscale: "Cividis", reversescale: data.fields[figure.third].direction === "lower",
      colorbar: { title: { text: escaped(figure.third), side: "right" }, thickness: 12 } } : undefined,
  };
}
/* Plotly is most of this file. It is read in when the first figure comes near, not while the page opens. */
function plotly() {
  if (!window.Plotly) document.head.append(el("script", {}, document.getElementById("plotly").textContent));
  return window.Plotly;
}
const redraws = [], sleeping = new Map();
function wake(plot) {
  const draw = sleeping.get(plot);
  if (draw) draw();
}
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) setTimeout(wake, 0, entry.target); /* one task each: the page stays alive */
}, { rootMargin: "200px" });
addEventListener("beforeprint", () => [...sleeping.keys()].forEach(wake));
function drawFigure(figure) {
  const off = new Set();
  const plot = el("div", { class: "plot", tabindex: "0", role: "application",
    "aria-label": `${figure.title}. Arrow keys go from point to point.` });
  const select = el("select", { onchange: draw }, ...figure.x.map((field) => el("option", { value: field }, data.fields[field].title)));
  const box = (key, name, swatch) => el("label", {}, el("input", { type: "checkbox", checked: true, "data-layer": key,
    onchange: (event) => { event.target.checked ? off.delete(key) : off.add(key); draw(); } }), swatch, name);
  const dot = (color, hollow) => el("span", { class: hollow ? "swatch hollow" : "swatch", style: `background:${color};border-color:${color}`, "aria-hidden": "true" });
  const layers = el("fieldset", { class: "layers" }, el("legend", { class: "soft" }, "Layers"),
    ...figure.series.map((one, place) => box(`series ${place}`, one.title === names(one) ? one.title : `${one.title} (${names(one)})`,
      dot(COLORS[place % COLORS.length], false))));
  if (figure.paper.length) layers.append(box("paper", figure.remark || "paper", dot(COLORS[0], true)));
  if (figure.lines.length || Object.values(figure.marks).some((one) => one.length)) layers.append(box("bounds", "codebooks of equal rate", dot(css("--soft"), false)));
  document.getElementById("plots").append(el("div", { class: "figure" }, el("h3", {}, figure.title),
    figure.x.length > 1 ? el("div", { class: "controls" }, el("label", {}, "Horizontal axis ", select)) : null, plot, layers));
  let points = [], chosen = -1, ready = false;
  function draw() {
    const made = traces(figure, select.value || figure.x[0], off);
    points = made.points; chosen = -1;
    plotly().react(plot, made.found, layout(figure, select.value || figure.x[0], off), { displaylogo: false, responsive: true,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "toImage"] });
    if (!ready) {
      ready = true;
      sleeping.delete(plot);
      near.unobserve(plot);
      plot.dataset.drawn = "true";
      plot.on("plotly_hover", (event) => { const index = event.points[0].customdata; if (known(index)) inspect(data.rows[index]); });
      plot.on("plotly_click", (event) => { const index = event.points[0].customdata; if (known(index)) inspect(data.rows[index]); });
    }
  }
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !points.length) return;
    event.preventDefault();
    chosen = (chosen + step + points.length) % points.length;
    const point = points[chosen];
    window.Plotly.Fx.hover(plot, [{ curveNumber: point.trace, pointNumber: point.index }]);
    const sizes = plot.data[point.trace].x.map((_, index) => (index === point.index ? 15 : 9));
    plot.data.forEach((trace, index) => { if (trace.customdata && index !== point.trace) trace.marker.size = 9; });
    window.Plotly.restyle(plot, { "marker.size": [sizes] }, [point.trace]);
    inspect(point.row);
  });
  redraws.push(() => { if (ready) draw(); });
  plot.addEventListener("focus", () => wake(plot));
  sleeping.set(plot, draw);
}

/* ------------------------------------------------------------------------------ image viewer */
function viewer() {
  const place = document.getElementById("viewer");
  const studies = new Map();
  for (const row of data.rows) if (row.strips) {
    const key = `${row.run}/${row.study}`;
    if (!studies.has(key)) studies.set(key, []);
    studies.get(key).push(row);
  }
  if (!studies.size) { place.append(el("p", {}, "No row kept sample images.")); return; }
  const sum = (row) => Object.values(row.tradeoff).reduce((total, weight) => total + weight, 0);
  for (const rows of studies.values()) rows.sort((a, b) => sum(a) - sum(b));
  const names = [...studies.keys()];
  const most = names.filter((name) => studies.get(name).length > 1).slice(0, 40);
  const first = new Set([...names.filter((name) => /codebook/.test(name)).slice(-1),
    ...["rdc", "rdc-universal", "rdp", "rdp-universal"].map((study) => names.find((name) => name.endsWith(`/${study}`))).filter(Boolean)]);
  const chosen = first.size ? first : new Set(most.slice(0, 3));
  const strips = el("div", { class: "strips" });
  const slider = el("input", { type: "range", min: "0", max: "100", value: "0", id: "dial", oninput: draw });
  const boxes = el("fieldset", { class: "layers" }, el("legend", { class: "soft" }, "Studies"), ...names.map((name) => el("label", {},
    el("input", { type: "checkbox", checked: chosen.has(name), onchange: (event) => { event.target.checked ? chosen.add(name) : chosen.delete(name); draw(); } }),
    several ? name : studies.get(name)[0].study)));
  function draw() {
    const share = Number(slider.value) / 100;
    strips.replaceChildren();
    const inputs = new Set();
    for (const name of names.filter((one) => chosen.has(one))) {
      const rows = studies.get(name), row = rows[Math.round(share * (rows.length - 1))];
      if (!inputs.has(row.strips[0])) { inputs.add(row.strips[0]); strips.append(el("div", {}, "input"), picture(row.strips[0], "input")); }
      strips.append(el("div", {}, el("strong", {}, several ? `${row.run} / ${row.study}` : row.study), el("br"), row.point, el("br"),
        el("span", { class: "soft" }, ["mse", "perception", "accuracy_judge"].filter((field) => row.values[field])
          .map((field) => `${field} ${show(number(row, field), half(row.values[field]))}`).join(", "))),
      picture(row.strips[1], `${row.study} ${row.point}`));
    }
    if (!strips.children.length) strips.append(el("p", {}, "Choose a study."));
  }
  place.append(el("div", { class: "controls" }, el("label", {}, "Along the sweep ", slider)), boxes, strips);
  draw();
}

/* ------------------------------------------------------------------------------- leaderboard */
function board() {
  const head = document.querySelector("#board thead"), body = document.querySelector("#board tbody");
  const filter = document.getElementById("filter"), which = document.getElementById("columns"), fronts = document.getElementById("fronts");
  const costs = [...new Set(data.rows.flatMap((row) => Object.keys(row.costs)))];
  let order = Object.values(data.best)[0] || "rate_coded", sign = data.fields[order] && data.fields[order].direction === "higher" ? -1 : 1;
  const words = (row) => [row.run, row.name, row.title, ...Object.values(row.parts)].join(" ").toLowerCase();
  const columnsOf = () => (which.value === "costs" ? costs : Object.keys(data.fields).filter((field) => which.value === "all" || MAIN.includes(field)));
  const leading = [...(several ? [["run", (row) => row.run]] : []), ["study", (row) => row.study], ["point", (row) => row.point]];
  function bestOf(field) {
    const info = data.fields[field];
    if (!info || info.direction === "none" || field === "perception_own") return null;
    const all = data.rows.map((row) => number(row, field)).filter(known);
    return all.length > 1 ? (info.direction === "higher" ? Math.max(...all) : Math.min(...all)) : null;
  }
  function heading(name, title, kind) {
    const state = order === name ? (sign > 0 ? "ascending" : "descending") : "none";
    const mark = order === name ? (sign > 0 ? " ▲" : " ▼") : "";
    return el("th", { scope: "col", class: kind, "aria-sort": state }, el("button", { type: "button", "data-sort": name, onclick: () => {
      sign = order === name ? -sign : data.fields[name] && data.fields[name].direction === "higher" ? -1 : 1;
      order = name; draw(); head.querySelector(`[data-sort="${CSS.escape(name)}"]`).focus();
    } }, title + mark));
  }
  function draw() {
    const columns = columnsOf(), wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    head.replaceChildren(el("tr", {}, el("th", { scope: "col" }, el("span", { title: "not dominated" }, "●")),
      ...leading.map(([name]) => heading(name, name, "text")),
      ...columns.map((name) => heading(name, name.replaceAll("_", " ") + (unit(name) && which.value !== "costs" ? ` [${unit(name)}]` : ""), ""))));
    const rows = data.rows.filter((row) => (!fronts.checked || row.front) && wanted.every((word) => words(row).includes(word)));
    const named = Object.fromEntries(leading);
    const value = (row) => (named[order] ? named[order](row) : number(row, order));
    rows.sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (!known(left) || !known(right)) return Number(!known(left)) - Number(!known(right));
      return sign * (typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left - right);
    });
    const best = Object.fromEntries(columns.map((field) => [field, bestOf(field)]));
    body.replaceChildren(...rows.map((row) => el("tr", { tabindex: "0", onclick: () => inspect(row),
      onkeydown: (event) => { if (event.key === "Enter") inspect(row); } },
      el("td", {}, row.front ? el("span", { "aria-label": "not dominated" }, "●") : ""), ...leading.map(([, get]) => el("td", { class: "text" }, get(row))),
      ...columns.map((field) => el("td", { class: known(best[field]) && number(row, field) === best[field] ? "best" : "" }, text(row, field))))));
    document.getElementById("count").textContent = `${rows.length} of ${data.rows.length} rows`;
  }
  for (const [node, event] of [[filter, "input"], [which, "change"], [fronts, "change"]]) node.addEventListener(event, draw);
  draw();
}

/* ----------------------------------------------------------------------- claims, provenance */
function claims() {
  const place = document.getElementById("claims");
  for (const run of data.runs) {
    if (several) place.append(el("h3", {}, run.name));
    if (!run.claims) { place.append(el("p", { class: "note" }, "This run's benchmark makes no claims.")); continue; }
    const counts = ["PASS", "FAIL", "UNDECIDED"].map((verdict) => `${run.claims.filter((one) => one.verdict === verdict).length} ${verdict}`);
    place.append(el("p", {}, counts.join(", ")), el("ul", { class: "claims" }, ...run.claims.map((one) => el("li", {},
      el("span", { class: one.verdict }, { PASS: "✓ ", FAIL: "✗ ", UNDECIDED: "? " }[one.verdict] + one.verdict),
      el("div", {}, one.says, el("br"), el("span", { class: "soft" }, one.claim + ": " + one.numbers))))));
  }
}
function provenance() {
  const flat = (value) => (value && typeof value === "object" ? Object.entries(value).map(([key, one]) => `${key} ${flat(one)}`).join(", ") : String(value));
  for (const run of data.runs) document.getElementById("made").append(el("h3", {}, run.name),
    el("dl", {}, ...Object.entries(run.provenance).flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, flat(value))])));
}

/* --------------------------------------------------------------------------------- dark, light */
const button = document.getElementById("theme");
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  button.textContent = name === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`);
  redraws.forEach((draw) => draw());
}
button.addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

cards();
methods();
board();
viewer();
claims();
provenance();
data.figures.forEach(drawFigure); /* all places first: a figure takes the width that its neighbours leave */
[...sleeping.keys()].forEach((plot) => near.observe(plot));
performance.mark("usable");
document.documentElement.dataset.ready = "true";
(window.requestIdleCallback || setTimeout)(plotly);
