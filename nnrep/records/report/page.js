"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  // Okabe and Ito's colours, which the colour-blind can tell apart; then the same in dashes.
  const COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000"];
  const PARTS = { native: ["native", "#9a9a9a"], start: ["start", "#E69F00"], end: ["end", "#0072B2"] };
  const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function choice(title, names, onChange) {
    const select = element("select");
    names.forEach((name, place) => select.append(element("option", { value: place, textContent: name })));
    select.addEventListener("change", () => onChange(Number(select.value)));
    const label = element("label", {}, title ? `${title} ` : "", select);
    label.hidden = names.length < 2;
    return label;
  }

  // ---- curves -------------------------------------------------------------------------------------------

  const unit = data.energyUnit;
  const withUnit = (name, of) => (of ? `${name} (${of})` : name);
  const number = (value) => (value == null ? "–" : String(Number(value.toPrecision(8))));
  const grid = { stroke: "#ececec", width: 1 };
  const AXES = [["time_s", "time in the minimisation loop (s)"], ["step", "steps"]];

  function lowestOf(problem) {
    const own = data.curves.filter((curve) => curve.problem === problem && curve.lowest != null);
    return Math.min(...own.map((curve) => curve.lowest));
  }

  // The same numbers, and their distance above the lowest energy of the same problem.
  const plain = (name) => (curve) => curve.values[name] ?? [];
  function aboveLowest(curve) {
    const lowest = lowestOf(curve.problem);
    return curve.values.energy.map((value) => (value != null && value > lowest ? value - lowest : null));
  }
  const positive = (name) => (curve) => (curve.values[name] ?? []).map((value) => (value > 0 ? value : null));

  function tick(value) {
    if (value == null) return "";
    const size = Math.abs(value);
    return size !== 0 && (size >= 1e6 || size < 1e-3) ? value.toExponential(0) : String(Number(value.toPrecision(8)));
  }

  function chart(place, kinds) {
    let kind = 0, along = 0, plot = null;
    const box = element("div");
    const controls = element("div", { className: "controls" },
      choice("", kinds.map((each) => each.title), (chosen) => { kind = chosen; draw(); }),
      choice("against", AXES.map((axis) => axis[1]), (chosen) => { along = chosen; draw(); }));
    place.append(controls, box);

    function draw() {
      plot?.destroy();
      const of = kinds[kind], axis = AXES[along];
      const curves = data.curves.filter((curve) => of.values(curve).length);
      const aligned = uPlot.join(curves.map((curve) => [curve[axis[0]], of.values(curve)]));
      const ends = curves.map((curve) => curve.ends.map(([, last]) => aligned[0].indexOf(curve[axis[0]][last])));
      plot = new uPlot({
        width: Math.max(320, place.clientWidth), height: 340,
        cursor: { drag: { x: true, y: true, uni: 20 }, dataIdx: (self, series, hovered) => nearest(self, series, hovered) },
        scales: { x: { time: false }, y: of.log ? { distr: 3 } : {} },
        axes: [
          { label: axis[1], grid, values: (self, splits) => splits.map(tick) },
          { label: of.title, size: 84, grid, values: (self, splits) => splits.map(tick) },
        ],
        series: [{ label: axis[1], value: (self, value) => number(value) }, ...curves.map((curve, index) => ({
          label: curve.label, stroke: COLORS[index % COLORS.length], width: 1.6, spanGaps: true,
          dash: index >= COLORS.length ? [6, 3] : undefined, value: (self, value) => number(value),
          points: { show: true, size: 6, fill: COLORS[index % COLORS.length], filter: () => ends[index] },
        }))],
      }, aligned, box);
    }

    // Curves that are checked at other times have no value under the cursor, but one beside it.
    function nearest(self, series, hovered) {
      if (series === 0) return hovered;
      const values = self.data[series];
      for (let off = 0; off < values.length; off += 1) {
        if (values[hovered - off] != null) return hovered - off;
        if (values[hovered + off] != null) return hovered + off;
      }
      return hovered;
    }

    draw();
    new ResizeObserver(() => plot.setSize({ width: Math.max(320, place.clientWidth), height: 340 })).observe(place);
  }

  const ENERGY = [
    { title: withUnit("energy above the lowest", unit), log: true, values: aboveLowest },
    { title: withUnit("energy", unit), values: plain("energy") },
    { title: "norm of the gradient", log: true, values: positive("gradient_norm") },
  ];
  const RMSD = [["rmsd_ca", "CA atoms"], ["rmsd_backbone", "backbone"], ["rmsd_heavy", "heavy atoms"], ["rmsd_all", "all atoms"]]
    .map(([name, title]) => ({ title: `RMSD, ${title} (Å)`, values: plain(name) }))
    .filter((kind) => data.curves.some((curve) => kind.values(curve).length));

  function charts() {
    const energy = document.getElementById("energy"), rmsd = document.getElementById("rmsd");
    if (energy) chart(energy, ENERGY);
    if (rmsd) chart(rmsd, RMSD);
  }

  // ---- structures ---------------------------------------------------------------------------------------

  function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  const WHOLE = { keepH: true };  // else hydrogens are left out
  const isAtom = (line) => line.startsWith("ATOM") || line.startsWith("HETATM");

  // The text of a PDB file with other coordinates.
  function withPositions(pdb, positions) {
    let atom = 0;
    const column = (value) => value.toFixed(3).padStart(8);
    return pdb.split("\n").map((line) => {
      if (!isAtom(line)) return line;
      const xyz = [0, 1, 2].map((axis) => column(positions[3 * atom + axis])).join("");
      atom += 1;
      return line.slice(0, 30) + xyz + line.slice(54);
    }).join("\n");
  }

  const BROKEN = 3; // a bond that is so many times as long as usual

  // Beads: those of a chain are bonded to their neighbours along it, unless they are further than a bond can be.
  function beads(positions, chain, longest) {
    const n = positions.length / 3;
    const bonded = (i, j) => chain && j >= 0 && j < n && distance(positions, i, j) <= longest;
    return Array.from({ length: n }, (_, index) => ({
      elem: "C", atom: "C", serial: index, x: positions[3 * index], y: positions[3 * index + 1],
      z: positions[3 * index + 2], bonds: [index - 1, index + 1].filter((other) => bonded(index, other)),
      bondOrder: [1, 1], properties: { share: n > 1 ? index / (n - 1) : 0 },
    }));
  }

  const distance = (xyz, i, j) => Math.hypot(...[0, 1, 2].map((k) => xyz[3 * i + k] - xyz[3 * j + k]));

  function viridis(share) {
    const place = share * (VIRIDIS.length - 1), low = Math.min(Math.floor(place), VIRIDIS.length - 2);
    const mixed = VIRIDIS[low].map((value, k) => Math.round(value + (place - low) * (VIRIDIS[low + 1][k] - value)));
    return `rgb(${mixed.join(",")})`;
  }

  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

  const MOST_ASKED = 300; // particles whose nearest neighbours are looked for

  // The usual distance of neighbours, along a chain or in space, by which tubes and balls are thick.
  function spacing(positions, chain) {
    const n = positions.length / 3, distances = [];
    for (let i = 1; chain && i < n; i += 1) distances.push(distance(positions, i, i - 1));
    for (let i = 0; !chain && i < Math.min(n, MOST_ASKED); i += 1) {
      let nearest = Infinity;
      for (let j = 0; j < n; j += 1) if (j !== i) nearest = Math.min(nearest, distance(positions, i, j));
      distances.push(nearest);
    }
    const usual = distances.length ? median(distances) : 1;
    return Number.isFinite(usual) && usual > 0 ? usual : 1;
  }

  // What lies near the others: pieces that fly off do not set the scale.
  function core(atoms) {
    const middle = ["x", "y", "z"].map((axis) => median(atoms.map((atom) => atom[axis])));
    const far = atoms.map((atom) => Math.hypot(atom.x - middle[0], atom.y - middle[1], atom.z - middle[2]));
    const limit = 4 * median(far);
    return atoms.filter((_, place) => far[place] <= limit).map((atom) => atom.index);
  }

  const PROTEIN_STYLES = [["cartoon", (color) => ({ cartoon: { color } })],
    ["trace", (color) => ({ cartoon: { color, style: "trace", thickness: 0.35 } })],
    ["atoms", (color) => ({ stick: { radius: 0.14, colorscheme: { prop: "elem", map: elementColors(color) } } })]];
  const BEAD_STYLES = [["tube", 0.3], ["atoms", 0]], BALL_STYLES = [["balls", 0]];
  const elementColors = (color) => ({ C: color, H: "#d8d8d8", N: "#3050F8", O: "#E02020", S: "#D8B020" });

  function structures(place) {
    const viewBox = element("div", { className: "scene" }), frame = element("div", { className: "frame" }, viewBox);
    const parts = element("span", { className: "controls" }), styles = element("span");
    const player = element("span", { className: "controls" });
    const runs = choice("run", data.scenes.map((scene) => scene.label), (chosen) => show(data.scenes[chosen]));
    place.append(element("div", { className: "controls" }, runs, parts, styles), player, frame);
    const viewer = $3Dmol.createViewer(viewBox, { backgroundColor: "white", antialias: true });

    let scene, models, style, timer = null;
    const visible = { native: true, start: false, end: true };

    function show(chosen) {
      stop();
      scene = chosen;
      style = 0;
      viewer.removeAllModels();
      models = {};
      const positions = {};
      for (const name of ["start", "end"]) {
        if (scene.parts[name]) positions[name] = unpacked(scene.parts[name]);
      }
      scene.spacing = spacing(positions.end ?? positions.start, scene.chain);
      const pdb = scene.pdb == null ? null : data.structures[scene.pdb];
      if (pdb != null) models.native = viewer.addModel(pdb, "pdb", WHOLE);
      for (const [name, xyz] of Object.entries(positions)) {
        if (pdb == null) {
          models[name] = viewer.addModel();
          models[name].addAtoms(beads(xyz, scene.chain, BROKEN * scene.spacing));
        } else {
          models[name] = viewer.addModel(withPositions(pdb, xyz), "pdb", WHOLE);
        }
      }
      controls();
      film(positions);
      restyle();
      const seen = [models.end ?? models.start, models.native].filter(Boolean);
      viewer.zoomTo({ or: seen.map((model) => ({ model, index: core(model.selectedAtoms({})) })) });
      viewer.render();
    }

    function controls() {
      const listed = Object.entries(PARTS).filter(([name]) => models[name]);
      parts.replaceChildren(...listed.map(([name, [title, color]]) => {
        const box = element("input", { type: "checkbox", checked: visible[name] });
        box.addEventListener("change", () => { visible[name] = box.checked; restyle(); });
        const swatch = element("span", { className: "swatch" });
        swatch.style.background = byPart() ? color : "none";
        return element("label", {}, box, title, swatch);
      }));
      const names = (scene.pdb == null ? beadStyles() : PROTEIN_STYLES).map(([name]) => name);
      styles.replaceChildren(choice("as", names, (chosen) => { style = chosen; restyle(); }));
    }

    const beadStyles = () => (scene.chain ? BEAD_STYLES : BALL_STYLES);
    // A chain has a colour for each place along it, all else one for the start and one for the end.
    const byPart = () => scene.pdb != null || !scene.chain;

    function look(name) {
      if (scene.pdb != null) return PROTEIN_STYLES[style][1](PARTS[name][1]);
      const colorfunc = (atom) => (byPart() ? PARTS[name][1] : viridis(atom.properties.share));
      const opacity = name === "start" && visible.end ? 0.35 : 1;
      const thickness = beadStyles()[style][1];
      return thickness ? { stick: { radius: thickness * scene.spacing, colorfunc, opacity } }
        : { sphere: { radius: 0.4 * scene.spacing, colorfunc, opacity } };
    }

    function restyle() {
      for (const [name, model] of Object.entries(models)) model.setStyle({}, visible[name] ? look(name) : {});
      viewer.render();
    }

    // Start, the frames between, and end, played in the place of the end.
    function film(positions) {
      player.replaceChildren();
      if (!scene.frames || !models.end) return;
      const all = unpacked(scene.frames), size = 3 * scene.n;
      const stills = scene.steps.map((step, k) => [`step ${step}`, all.subarray(k * size, (k + 1) * size)]);
      if (positions.start) stills.unshift(["start", positions.start]);
      stills.push(["end", positions.end]);
      const slider = element("input", { type: "range", min: 0, max: stills.length - 1, value: stills.length - 1 });
      const label = element("span", { textContent: "end" });
      const button = element("button", { textContent: "Play", type: "button" });
      slider.setAttribute("aria-label", "frame of the trajectory");

      function pose() {
        const [title, xyz] = stills[Number(slider.value)];
        label.textContent = title;
        models.end.selectedAtoms({}).forEach((atom, k) => {
          [atom.x, atom.y, atom.z] = [xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2]];
        });
        restyle();
      }

      button.addEventListener("click", () => {
        if (timer !== null) { stop(); button.textContent = "Play"; return; }
        button.textContent = "Pause";
        if (Number(slider.value) === stills.length - 1) slider.value = 0;
        timer = setInterval(() => {
          slider.value = Number(slider.value) + 1;
          pose();
          if (Number(slider.value) === stills.length - 1) { stop(); button.textContent = "Play"; }
        }, 120);
      });
      slider.addEventListener("input", pose);
      player.append(button, slider, label);
    }

    function stop() {
      clearInterval(timer);
      timer = null;
    }

    const energies = data.scenes.map((each) => each.energy ?? Infinity);
    const best = energies.indexOf(Math.min(...energies));
    runs.querySelector("select").value = best;
    show(data.scenes[best]);
  }

  function hasWebGL() {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
  }

  function viewer() {
    const place = document.getElementById("viewer");
    if (!place) return;
    if (!hasWebGL()) {
      place.append(element("p", { textContent: "This browser has no WebGL: the pictures below stand for the structures." }));
      return;
    }
    structures(place);
    const pictures = document.getElementById("pictures");
    if (pictures) pictures.open = false;
  }

  charts();
  viewer();
})();
