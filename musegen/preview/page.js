"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const told = JSON.parse(byId("told").textContent);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  const isNarrow = matchMedia("(max-width: 699px)");
  const audio = new Audio();
  const rows = told.rows.map((row, index) => prepared(row, byId(`row-${index + 1}`)));
  const takes = rows.filter((row) => row.keep);
  let selected = null;
  let loaded = null; // the row whose sound is in `audio`
  let keptOnly = false;

  function prepared(row, node) {
    const picture = node.querySelector("svg.musegen-plot");
    const area = picture.dataset.area.split(" ").map(Number);
    // The title would follow the mouse all over the roll.
    const title = picture.querySelector("title");
    picture.setAttribute("aria-label", title.textContent);
    title.remove();
    return {
      ...row,
      node,
      picture,
      whole: picture.viewBox.baseVal.width,
      high: picture.viewBox.baseVal.height,
      area: { x: area[0], y: area[1], width: area[2], height: area[3] },
      ticks: Number(picture.dataset.ticks),
      roll: node.querySelector(".roll"),
      playhead: node.querySelector(".playhead"),
      clock: node.querySelector(".clock"),
      play: node.querySelector(".play"),
      keep: node.querySelector(".keep"),
      seconds: 0, // where it goes on
      isKept: false,
    };
  }

  // Time

  /** The value of `to` where `from` is `at`: [0] of a knot are seconds, [1] ticks. */
  function between(knots, from, to, at) {
    let low = 0;
    let high = knots.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (knots[middle][from] <= at) low = middle;
      else high = middle;
    }
    const [a, b] = [knots[low], knots[high]];
    const share = b[from] > a[from] ? (at - a[from]) / (b[from] - a[from]) : 0;
    return a[to] + (b[to] - a[to]) * Math.min(Math.max(share, 0), 1);
  }

  const length = (row) => row.knots[row.knots.length - 1][0];
  const secondsNow = (row) => (row === loaded ? Math.max(audio.currentTime - told.delay, 0) : row.seconds);

  /** The place in `row.bars` of the bar that sounds. */
  function barAt(row, seconds) {
    let bar = 0;
    while (bar + 1 < row.bars.length && row.bars[bar + 1] <= seconds + 0.02) bar += 1;
    return bar;
  }

  function minutes(seconds) {
    const whole = Math.floor(seconds + 0.001);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }

  // What is seen

  /** On a narrow screen a picture is only its notes, as wide as the screen. */
  function fit() {
    for (const row of rows) {
      const { area, picture, whole, high } = row;
      const narrow = isNarrow.matches;
      row.roll.classList.toggle("is-narrow", narrow);
      const box = narrow ? [area.x, area.y, area.width, area.height] : [0, 0, whole, high];
      picture.setAttribute("viewBox", box.join(" "));
      picture.setAttribute("preserveAspectRatio", narrow ? "none" : "xMidYMid meet");
      row.roll.style.setProperty("--height", `${Math.min(Math.max(area.height * 0.6, 64), 260)}px`);
      row.roll.style.setProperty("--top", narrow ? "0" : `${(100 * area.y) / high}%`);
      row.roll.style.setProperty("--bottom", narrow ? "0" : `${100 - (100 * (area.y + area.height)) / high}%`);
      row.left = narrow ? 0 : area.x / whole;
      row.width = narrow ? 1 : area.width / whole;
      show(row);
    }
  }

  function show(row) {
    if (row.sound === null) return;
    const seconds = Math.min(secondsNow(row), length(row));
    const isPlaying = row === loaded && !audio.paused;
    const isBegun = isPlaying || seconds > 0;
    row.node.classList.toggle("is-playing", isPlaying);
    row.node.classList.toggle("is-begun", isBegun);
    const share = between(row.knots, 0, 1, seconds) / row.ticks;
    row.playhead.style.left = `${100 * (row.left + row.width * share)}%`;
    const verb = isPlaying ? "Pause" : "Play";
    if (row.verb !== verb) row.play.setAttribute("aria-label", `${verb} ${row.name}`);
    row.verb = verb;
    const bar = barAt(row, seconds) * row.bar_step + 1;
    const words = isBegun ? `bar ${bar} · ${minutes(seconds)} / ${minutes(length(row))}` : "";
    if (row.clock.textContent !== words) row.clock.textContent = words;
  }

  function follow() {
    if (loaded === null) return;
    show(loaded);
    if (!audio.paused && !isCalm.matches) requestAnimationFrame(follow);
  }

  let hiding = 0;

  function say(words) {
    byId("said").textContent = words;
    byId("said").classList.add("is-shown");
    clearTimeout(hiding);
    hiding = setTimeout(() => byId("said").classList.remove("is-shown"), 1800);
  }

  // Playing

  /** Put the sound of a row into `audio`; only then are its letters made bytes. */
  function load(row) {
    if (row === loaded) return;
    audio.pause();
    const before = loaded;
    if (before !== null) before.seconds = Math.min(secondsNow(before), length(before));
    loaded = null;
    if (before !== null) show(before);
    URL.revokeObjectURL(audio.src);
    const letters = atob(byId(`sound-${row.sound}`).textContent);
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    audio.src = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
    loaded = row;
    audio.currentTime = row.seconds > 0 ? row.seconds + told.delay : 0;
  }

  function start(row) {
    if (row === null || row.sound === null) return;
    load(row);
    audio.play().catch((error) => {
      if (error.name !== "AbortError") say(`This browser cannot play it: ${error.message}`);
    });
  }

  function toggle(row) {
    if (row === loaded && !audio.paused) audio.pause();
    else start(row);
  }

  /** Go to a second of a row; what plays goes on there. */
  function seek(row, seconds) {
    if (row.sound === null) return;
    const to = Math.min(Math.max(seconds, 0), length(row));
    if (row === loaded) audio.currentTime = to > 0 ? to + told.delay : 0;
    else row.seconds = to;
    if (row !== loaded && loaded !== null && !audio.paused) start(row);
    show(row);
  }

  /** To the start of a bar: -1 is this one's, or, at its start, that of the one before. */
  function step(row, by) {
    const seconds = secondsNow(row);
    const bar = barAt(row, seconds);
    if (by > 0 && bar + 1 < row.bars.length) seek(row, row.bars[bar + 1]);
    if (by < 0) seek(row, seconds - row.bars[bar] > 0.4 ? row.bars[bar] : row.bars[Math.max(bar - 1, 0)]);
  }

  audio.addEventListener("play", follow);
  audio.addEventListener("pause", follow);
  audio.addEventListener("seeked", follow);
  audio.addEventListener("timeupdate", follow);
  audio.addEventListener("ended", () => {
    audio.currentTime = 0;
    follow();
  });

  // Choosing and keeping

  const seen = () => rows.filter((row) => !row.node.hidden);

  function select(row, isMoved) {
    if (row === null) return;
    if (selected !== null && selected !== row) {
      selected.node.removeAttribute("aria-current");
      selected.node.tabIndex = -1;
    }
    selected = row;
    row.node.setAttribute("aria-current", "true");
    row.node.tabIndex = 0;
    if (isMoved) {
      row.node.focus({ preventScroll: true });
      row.node.scrollIntoView({ block: "nearest" });
    }
  }

  function move(by) {
    const among = seen();
    const at = among.indexOf(selected);
    const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), among.length - 1);
    if (among.length) select(among[next], true);
  }

  const place = `musegen-preview-${told.mark}`;

  function remember() {
    try {
      localStorage.setItem(place, JSON.stringify(takes.filter((row) => row.isKept).map((row) => row.name)));
    } catch {
      // Then it is kept as long as the page is open.
    }
  }

  function recall() {
    try {
      const names = new Set(JSON.parse(localStorage.getItem(place) || "[]"));
      for (const row of takes) row.isKept = names.has(row.name);
    } catch {
      // Nothing was kept, or the browser does not tell.
    }
  }

  function keep(row) {
    if (row === null || !row.keep) return;
    row.isKept = !row.isKept;
    remember();
    showKept();
  }

  function showKept() {
    const kept = takes.filter((row) => row.isKept);
    for (const row of takes) {
      row.keep.setAttribute("aria-pressed", String(row.isKept));
      row.keep.querySelector("span").textContent = row.isKept ? "Kept" : "Keep";
    }
    for (const row of rows) row.node.hidden = keptOnly && !row.isKept;
    for (const group of document.querySelectorAll(".group")) {
      group.hidden = group.querySelector(".row:not([hidden])") === null;
    }
    if (loaded !== null && loaded.node.hidden) audio.pause();
    byId("all-count").textContent = takes.length;
    byId("kept-count").textContent = kept.length;
    byId("copy-kept").disabled = kept.length === 0;
    byId("none-kept").hidden = !keptOnly || kept.length > 0;
    byId("show-all").setAttribute("aria-pressed", String(!keptOnly));
    byId("show-kept").setAttribute("aria-pressed", String(keptOnly));
    if (selected === null || selected.node.hidden) {
      const after = seen().find((row) => selected === null || rows.indexOf(row) > rows.indexOf(selected));
      select(after || seen().pop() || null, selected !== null && selected.node.contains(document.activeElement));
    }
  }

  function filter(isKeptOnly) {
    keptOnly = isKeptOnly;
    showKept();
  }

  /** Onto the clipboard, also where a page from the disk has none of its own. */
  async function copy(text, words) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const before = document.activeElement;
      const field = document.createElement("textarea");
      field.value = text;
      field.readOnly = true;
      field.style.position = "fixed";
      field.style.opacity = "0";
      document.body.append(field);
      field.select();
      const isDone = document.execCommand("copy");
      field.remove();
      if (before !== null) before.focus({ preventScroll: true });
      if (!isDone) {
        say("This browser lets no page copy");
        return;
      }
    }
    say(words);
  }

  // Mouse and keys

  for (const row of rows) {
    row.node.classList.toggle("has-sound", row.sound !== null);
    row.node.addEventListener("pointerdown", () => select(row, false));
    row.node.addEventListener("focusin", () => select(row, false));
    if (row.play) {
      row.play.addEventListener("click", (event) => {
        toggle(row);
        leave(row, event);
      });
      row.roll.addEventListener("click", (event) => {
        const box = row.roll.getBoundingClientRect();
        const share = ((event.clientX - box.left) / box.width - row.left) / row.width;
        if (share > -0.02 && share < 1.02) seek(row, between(row.knots, 1, 0, share * row.ticks));
        leave(row, event);
      });
    }
    if (row.keep) {
      row.keep.addEventListener("click", (event) => {
        keep(row);
        leave(row, event);
      });
      const link = row.node.querySelector(".midi");
      link.addEventListener("dragstart", (event) => {
        const name = row.name.replaceAll(":", "_");
        event.dataTransfer.setData("DownloadURL", `audio/midi:${name}:${link.href}`);
        event.dataTransfer.effectAllowed = "copy";
      });
    }
  }

  /** After a click the keys are the row's again; one who came by Tab stays where they are. */
  function leave(row, event) {
    if (event.detail > 0 && !row.node.hidden) row.node.focus({ preventScroll: true });
  }

  byId("show-all").addEventListener("click", () => filter(false));
  byId("show-kept").addEventListener("click", () => filter(true));
  byId("copy-kept").addEventListener("click", () => {
    const names = takes.filter((row) => row.isKept).map((row) => row.name);
    copy(names.join("\n"), `Copied ${names.length} ${names.length === 1 ? "name" : "names"}`);
  });
  byId("copy-command").addEventListener("click", () => copy(byId("command").textContent, "Copied the command"));

  const keys = {
    " ": () => toggle(selected),
    ArrowUp: () => move(-1),
    ArrowDown: () => move(1),
    ArrowLeft: () => selected !== null && selected.sound !== null && step(selected, -1),
    ArrowRight: () => selected !== null && selected.sound !== null && step(selected, 1),
    k: () => keep(selected),
    K: () => keep(selected),
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
    const isOnButton = event.target instanceof Element && event.target.closest("a, button");
    if (isOnButton && event.key === " ") return; // the button's own key
    event.preventDefault();
    if (event.repeat && (event.key === " " || event.key.toLowerCase() === "k")) return;
    keys[event.key]();
  });

  isNarrow.addEventListener("change", fit);
  recall();
  fit();
  showKept();
})();
