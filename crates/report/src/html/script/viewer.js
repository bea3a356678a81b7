// Slices of volumes, the same place in every pane. Voxels are in the order x, y, z of RAS, x fastest.
(() => {
  const viewer = document.getElementById("viewer");
  if (!viewer) return;
  const about = JSON.parse(document.getElementById("scans").textContent);
  const state = document.getElementById("viewer-state");
  const part = (name) => viewer.querySelector(`[data-part="${name}"]`);
  const panes = [...viewer.querySelectorAll("canvas[data-pane]")];
  const slider = part("slice");
  const IGNORED = 255;
  // Axes across, up and through, with what lies to the left and at the top.
  const PLANES = { axial: [0, 1, 2, "L", "A"], coronal: [0, 2, 1, "L", "S"], sagittal: [1, 2, 0, "P", "S"] };
  const COLOURS = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167], [160, 160, 160]];
  const [LOST, GAINED, OTHER] = [[213, 94, 0], [86, 180, 233], [240, 228, 66]];
  const unpacked = new Map();
  const at = { scan: 0, plane: "axial", voxel: [0, 0, 0], opacity: 55, window: 255, level: 128, overlay: true, cross: true };
  let now = null;

  const bytes = async (place) => {
    const text = atob(document.getElementById("volume-" + place).textContent);
    const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const volume = async (place) => {
    if (unpacked.has(place)) return unpacked.get(place);
    const scan = about.scans[place];
    const [all, length] = [await bytes(place), scan.dims[0] * scan.dims[1] * scan.dims[2]];
    const piece = (number) => all.subarray(number * length, (number + 1) * length);
    const maps = scan.maps.map((map, number) => ({ ...map, classes: piece(number + 2) }));
    const found = { ...scan, image: piece(0), reference: piece(1), maps, changes: new Map() };
    unpacked.set(place, found);
    return found;
  };
  const map = (kind) => {
    if (kind === "reference") return now.reference;
    const own = now.maps.filter((one) => one.kind === kind);
    const chosen = kind === "unlearned" && part("unlearned") ? Number(part("unlearned").value) : 0;
    return own[chosen]?.classes;
  };
  const offset = (voxel) => voxel[0] + now.dims[0] * (voxel[1] + now.dims[1] * voxel[2]);
  const differs = (one, other, place) => one[place] !== other[place] && one[place] !== IGNORED && other[place] !== IGNORED;

  // Voxels that differ, by slice of each plane.
  const changes = () => {
    const pair = `${part("against").value} ${part("unlearned")?.value ?? 0}`;
    if (!now.changes.has(pair)) {
      const counts = now.dims.map((voxels) => new Uint32Array(voxels));
      const [before, after] = [map(part("against").value), map("unlearned")];
      const [nx, ny] = now.dims;
      for (let place = 0; before && after && place < after.length; place++) {
        if (!differs(before, after, place)) continue;
        counts[0][place % nx]++;
        counts[1][Math.floor(place / nx) % ny]++;
        counts[2][Math.floor(place / (nx * ny))]++;
      }
      now.changes.set(pair, counts);
    }
    return now.changes.get(pair)[PLANES[at.plane][2]];
  };

  const grey = (value) => 255 * Math.min(1, Math.max(0, (value - at.level) / at.window + 0.5));
  // The colour of a voxel in a pane, if it has one.
  const colours = (kind) => {
    if (kind === "image") return () => null;
    if (kind !== "difference") {
      const labels = map(kind);
      return (place) => {
        const label = labels[place];
        return label === 0 || label === IGNORED ? null : COLOURS[(label - 1) % COLOURS.length];
      };
    }
    const [before, after] = [map(part("against").value), map("unlearned")];
    if (!before || !after) return () => null;
    return (place) => {
      if (!differs(before, after, place)) return null;
      return after[place] === 0 ? LOST : before[place] === 0 ? GAINED : OTHER;
    };
  };
  const drawPane = (canvas) => {
    const [across, up, through, left, top] = PLANES[at.plane];
    const [width, height] = [now.dims[across], now.dims[up]];
    const [mmWide, mmHigh] = [width * now.spacing_mm[across], height * now.spacing_mm[up]];
    const colourOf = at.overlay ? colours(canvas.dataset.pane) : () => null;
    const [greys, labels] = [new ImageData(width, height), new ImageData(width, height)];
    const voxel = [...at.voxel];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        voxel[across] = column;
        voxel[up] = height - 1 - row;
        voxel[through] = at.voxel[through];
        const [place, pixel] = [offset(voxel), 4 * (row * width + column)];
        greys.data.fill(grey(now.image[place]), pixel, pixel + 3);
        greys.data[pixel + 3] = 255;
        const colour = colourOf(place);
        if (colour) {
          labels.data.set(colour, pixel);
          labels.data[pixel + 3] = 255;
        }
      }
    }
    canvas.width = 520;
    canvas.height = Math.max(1, Math.round((520 * mmHigh) / mmWide));
    const sheet = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const layer = (data, smooth, alpha) => {
      sheet.getContext("2d").putImageData(data, 0, 0);
      context.imageSmoothingEnabled = smooth;
      context.globalAlpha = alpha;
      context.drawImage(sheet, 0, 0, canvas.width, canvas.height);
      context.globalAlpha = 1;
    };
    layer(greys, true, 1);
    layer(labels, false, at.opacity / 100);
    context.fillStyle = "rgba(255, 255, 255, .75)";
    context.font = "600 22px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText(left, 8, canvas.height / 2);
    context.textAlign = "center";
    context.fillText(top, canvas.width / 2, 18);
    if (at.cross) {
      const [x, y] = [((at.voxel[across] + 0.5) / width) * canvas.width, (1 - (at.voxel[up] + 0.5) / height) * canvas.height];
      context.strokeStyle = "rgba(255, 255, 255, .55)";
      context.lineWidth = 1.5;
      context.beginPath();
      for (const [fromX, fromY, toX, toY] of [[0, y, x - 12, y], [x + 12, y, canvas.width, y], [x, 0, x, y - 12], [x, y + 12, x, canvas.height]]) {
        context.moveTo(fromX, fromY);
        context.lineTo(toX, toY);
      }
      context.stroke();
    }
    const words = `${canvas.previousElementSibling.textContent.trim()}, ${at.plane} slice ${at.voxel[through] + 1} of ${now.dims[through]}`;
    canvas.setAttribute("aria-label", words);
  };
  const drawProfile = (counts) => {
    const canvas = part("profile");
    [canvas.width, canvas.height] = [canvas.clientWidth * 2 || 600, 60];
    const context = canvas.getContext("2d");
    const style = getComputedStyle(viewer);
    const most = Math.max(1, ...counts);
    // The thumb's middle stays half a thumb from either end.
    const inset = 16;
    const step = (canvas.width - 2 * inset) / Math.max(1, counts.length - 1);
    counts.forEach((count, place) => {
      context.fillStyle = style.getPropertyValue(place === Number(slider.value) ? "--accent" : "--edge");
      const height = (56 * count) / most;
      context.fillRect(inset + place * step - Math.max(1, step * 0.4), 60 - height, Math.max(2, step * 0.8), height);
    });
  };
  const name = (label) => (label === IGNORED ? "not counted" : about.classes[label] ?? String(label));
  const tell = (counts) => {
    const through = PLANES[at.plane][2];
    part("where").textContent = `${at.voxel[through] + 1} of ${now.dims[through]}`;
    slider.setAttribute("aria-valuetext", `slice ${at.voxel[through] + 1}, ${counts[at.voxel[through]]} voxels differ`);
    const place = offset(at.voxel);
    const words = ["reference", "original", "unlearned", "retrained"].filter((kind) => map(kind));
    const [low, high] = now.greys;
    const intensity = low + ((high - low) * now.image[place]) / 255;
    part("probe").textContent =
      `${at.voxel.map((value) => value + 1).join(", ")}: ${intensity.toPrecision(3)}; ` +
      words.map((kind) => `${kind} ${name(map(kind)[place])}`).join(", ") +
      `. ${counts[at.voxel[through]]} voxels of this slice differ.`;
  };
  const draw = () => {
    if (!now) return;
    const through = PLANES[at.plane][2];
    slider.max = now.dims[through] - 1;
    slider.value = at.voxel[through];
    const counts = changes();
    panes.forEach(drawPane);
    drawProfile(counts);
    tell(counts);
    for (const name of ["opacity", "window", "level"]) part(name).value = at[name];
    part("cross").checked = at.cross;
    for (const button of viewer.querySelectorAll("[data-plane]")) {
      button.setAttribute("aria-pressed", String(button.dataset.plane === at.plane));
    }
  };
  const clamped = (value, least, most) => Math.min(most, Math.max(least, value));
  const move = (by) => {
    const through = PLANES[at.plane][2];
    at.voxel[through] = clamped(at.voxel[through] + by, 0, now.dims[through] - 1);
    draw();
  };
  // The slice with the most change, the cross in the middle of it.
  const jump = () => {
    const [across, up, through] = PLANES[at.plane];
    const counts = changes();
    const most = counts.indexOf(Math.max(...counts));
    if (counts[most] === 0) return draw();
    at.voxel[through] = most;
    const [before, after, voxel] = [map(part("against").value), map("unlearned"), [...at.voxel]];
    const sums = [0, 0];
    for (voxel[across] = 0; voxel[across] < now.dims[across]; voxel[across]++) {
      for (voxel[up] = 0; voxel[up] < now.dims[up]; voxel[up]++) {
        if (!differs(before, after, offset(voxel))) continue;
        sums[0] += voxel[across];
        sums[1] += voxel[up];
      }
    }
    [at.voxel[across], at.voxel[up]] = sums.map((sum) => Math.round(sum / counts[most]));
    draw();
  };
  const reset = () => {
    Object.assign(at, { opacity: 55, window: 255, level: 128, overlay: true, cross: true });
    draw();
  };
  const open = async (place) => {
    state.textContent = "Unpacking …";
    now = await volume(place);
    at.scan = place;
    at.voxel = now.dims.map((voxels) => Math.floor(voxels / 2));
    viewer.hidden = false;
    state.textContent = "";
    jump();
    tellOthers();
  };
  // Whoever draws the same scan elsewhere hears of it.
  const tellOthers = () => viewer.dispatchEvent(new CustomEvent("shown", { detail: { scan: now, colours } }));
  const compare = () => { draw(); tellOthers(); };
  const tuned = (name, by, least, most) => { at[name] = clamped(at[name] + by, least, most); draw(); };

  part("scan").addEventListener("change", (event) => open(Number(event.target.value)));
  part("unlearned")?.addEventListener("change", compare);
  part("against").addEventListener("change", compare);
  part("jump").addEventListener("click", jump);
  part("reset").addEventListener("click", reset);
  part("cross").addEventListener("change", (event) => { at.cross = event.target.checked; draw(); });
  slider.addEventListener("input", () => { at.voxel[PLANES[at.plane][2]] = Number(slider.value); draw(); });
  for (const name of ["opacity", "window", "level"]) {
    part(name).addEventListener("input", (event) => { at[name] = Number(event.target.value); draw(); });
  }
  const turn = (plane) => { at.plane = plane; draw(); };
  for (const button of viewer.querySelectorAll("[data-plane]")) {
    button.addEventListener("click", () => turn(button.dataset.plane));
  }
  const KEYS = {
    ArrowUp: () => move(1), ArrowDown: () => move(-1), PageUp: () => move(10), PageDown: () => move(-10),
    1: () => turn("axial"), 2: () => turn("coronal"), 3: () => turn("sagittal"), j: jump, r: reset,
    o: () => { at.overlay = !at.overlay; draw(); }, x: () => { at.cross = !at.cross; draw(); },
    "+": () => tuned("opacity", 10, 0, 100), "-": () => tuned("opacity", -10, 0, 100),
    "[": () => tuned("window", -10, 2, 255), "]": () => tuned("window", 10, 2, 255),
    ",": () => tuned("level", -5, 0, 255), ".": () => tuned("level", 5, 0, 255),
  };
  viewer.addEventListener("keydown", (event) => {
    // A control that is in focus has keys of its own.
    const isControl = event.target.matches("select, input");
    const act = KEYS[event.key];
    if (!act || !now || isControl || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  const touched = (canvas, event) => {
    const [across, up] = PLANES[at.plane];
    const box = canvas.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    at.voxel[across] = clamped(Math.floor(share[0] * now.dims[across]), 0, now.dims[across] - 1);
    at.voxel[up] = clamped(Math.floor(share[1] * now.dims[up]), 0, now.dims[up] - 1);
    draw();
  };
  for (const canvas of panes) {
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      viewer.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, voxel: [...at.voxel], window: at.window, level: at.level, moved: false };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.abs(dx) + Math.abs(dy) < 4 && !from.moved) return;
      from.moved = true;
      if (event.shiftKey) {
        at.window = clamped(Math.round(from.window + dx / 2), 2, 255);
        at.level = clamped(Math.round(from.level + dy / 2), 0, 255);
        return draw();
      }
      const through = PLANES[at.plane][2];
      const slices = Math.round((dx / canvas.clientWidth) * now.dims[through]);
      at.voxel[through] = clamped(from.voxel[through] + slices, 0, now.dims[through] - 1);
      draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !from.moved) touched(canvas, event);
      from = null;
    });
    canvas.addEventListener("pointercancel", () => { from = null; });
    canvas.addEventListener("wheel", (event) => {
      // Whoever only scrolls past is not held up.
      if (!viewer.contains(document.activeElement)) return;
      event.preventDefault();
      move(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
  }
  // The profile is as wide as its tab, which has no width before it is shown.
  new ResizeObserver(() => { if (now) drawProfile(changes()); }).observe(viewer);
  new MutationObserver(() => { if (now) drawProfile(changes()); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  open(0).catch((error) => { state.textContent = `Slices cannot be shown: ${error.message}.`; });
})();
