// Live charts take the place of their pictures when they come near; printing keeps the pictures.
function rowsOf(points) {
  const names = Object.keys(points);
  const columns = names.map((name) => points[name].of ? points[name].at.map((at) => points[name].of[at]) : points[name]);
  return columns[0].map((_, i) => Object.fromEntries(names.map((name, c) => [name, columns[c][i]])));
}

// The ranges that a brush covers: fields of the table, whatever the axes of the chart.
function rangesOf(value, part, axes) {
  const ranges = { ...part };
  for (const [field, ends] of Object.entries(value)) {
    if (field !== "axis" && field !== "place") ranges[field] = [Math.min(...ends), Math.max(...ends)];
  }
  for (const name of value.axis || []) {
    const { field, low, high, log } = axes[name];
    const real = (place) => (log ? low * (high / low) ** place : low + (high - low) * place);
    const ends = [Math.min(...value.place), Math.max(...value.place)];
    const room = 1e-6 * Math.abs(high - low) * !log;
    ranges[field] = [real(ends[0]) - room, real(ends[1]) + room];
  }
  for (const field of Object.keys(ranges)) ranges[field] = ranges[field].map((end) => Number(end.toPrecision(6)));
  return ranges;
}

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

function showTip(handler, event, item, trial) {
  const group = typeof trial === "number" && ranking.querySelector(`tbody[data-trial="${trial}"]`);
  tip.hidden = !group;
  if (!group) return;
  const cells = group.rows[0].cells;
  tip.textContent = `${cells[1].querySelector(".name").textContent}: ${cells[2].textContent}`;
  tip.style.left = `${Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${event.pageY + 14}px`;
}

// A fingertip covers several marks: a tap marks all of them, or none if all are marked already.
const FINGER_PX = 14;

function trialsUnder(holder, event) {
  const found = new Set();
  for (const path of holder.querySelectorAll("path")) {
    const item = path.__data__;
    if (!item || !item.mark || item.mark.marktype !== "symbol" || typeof item.datum.trial !== "number") continue;
    const { left, right, top, bottom } = path.getBoundingClientRect();
    const far = Math.hypot((left + right) / 2 - event.clientX, (top + bottom) / 2 - event.clientY);
    if (far <= FINGER_PX + (right - left) / 2) found.add(item.datum.trial);
  }
  return [...found];
}

function markByTap(holder, event) {
  const tapped = trialsUnder(holder, event);
  if (!tapped.length) return;
  const marks = markedTrials(view.state);
  const all = tapped.every((trial) => marks.has(trial));
  for (const trial of tapped) marks[all ? "delete" : "add"](trial);
  view.change({ marks: [...marks].sort((a, b) => a - b), brush: null });
}

function makeNote(figure) {
  const note = document.createElement("p");
  note.className = "marked-note";
  const text = document.createElement("span");
  const button = (label, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", action);
    return made;
  };
  const show = button("Show them in the table", () => {
    view.change({ only: true, text: "", strategy: "", status: "" });
    document.getElementById("ranking-filter").scrollIntoView();
    document.getElementById("ranking-filter").elements.only.focus({ preventScroll: true });
  });
  const clear = button("Clear", () => view.change({ brush: null, marks: [], only: false }));
  note.append(text, show, clear);
  figure.querySelector("figcaption").before(note);
  const hint = window.matchMedia("(pointer: coarse)").matches
    ? "Tap marks to mark their rows in the table."
    : "Drag over marks to mark their rows in the table; click one to open its row.";
  const tell = (state) => {
    const count = markedTrials(state).size;
    const chosen = count > 0 || state.brush !== null;
    text.textContent = chosen
      ? `${count} marked.`
      : hint;
    show.hidden = count === 0;
    clear.hidden = !chosen;
  };
  tell(view.state);
  view.watchers.push(tell);
}

function makeLive(figure) {
  const name = figure.dataset.live;
  const chart = linked.charts[name];
  const holder = figure.querySelector(".live");
  const narrow = window.matchMedia("(max-width: 740px)");
  let drawn = null;
  let brushed = false;
  let byFinger = false;
  holder.addEventListener("pointerdown", (event) => { byFinger = event.pointerType === "touch"; }, true);
  holder.addEventListener("click", (event) => { if (byFinger) markByTap(holder, event); });

  const tell = (state) => {
    if (!drawn) return;
    const marked = markedTrials(state);
    drawn.view
      .signal("marked", Object.fromEntries([...marked].map((trial) => [trial, true])))
      .signal("anyMarked", marked.size > 0)
      .signal("opened", Object.fromEntries(state.open.map((trial) => [trial, true])))
      .runAsync();
  };
  const draw = async () => {
    const specification = structuredClone(narrow.matches ? chart.narrow : chart.wide);
    specification.config = linked.config;
    const { parts = [], axes = {}, width } = specification.usermeta;
    if (figure.clientWidth < width) return;
    specification.datasets.points = rowsOf(chart.points);
    const made = await vegaEmbed(holder, specification, {
      mode: "vega-lite", ast: true, renderer: "svg", actions: false, defaultStyle: false, logLevel: 1, tooltip: showTip,
    });
    if (drawn) drawn.finalize();
    drawn = made;
    brushed = false;
    figure.classList.add("is-live");
    for (let i = 0; i < specification.usermeta.brushes; i += 1) {
      made.view.addSignalListener(`brush${i}`, (_, value) => {
        if (Object.keys(value).length) {
          brushed = true;
          view.change({ brush: { chart: name, ranges: rangesOf(value, parts[i], axes) }, marks: [] });
        } else if (view.state.brush && view.state.brush.chart === name) {
          brushed = false;
          view.change({ brush: null, only: false });
        }
      });
    }
    made.view.addEventListener("click", (event, item) => {
      const trial = item && item.datum && item.datum.trial;
      if (byFinger || typeof trial !== "number") return;
      if (!view.state.open.includes(trial)) view.change({ open: [...view.state.open, trial].sort((a, b) => a - b) });
      reveal(trial);
    });
    tell(view.state);
  };
  view.watchers.push((state) => {
    if (brushed && (!state.brush || state.brush.chart !== name)) draw();
    else tell(state);
  });
  narrow.addEventListener("change", draw);
  return draw();
}

if (ranking && window.vegaEmbed) {
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      makeLive(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const figure of document.querySelectorAll("figure[data-live]")) {
    makeNote(figure); // before any chart is drawn, so that nothing moves when it is
    near.observe(figure);
  }
}
