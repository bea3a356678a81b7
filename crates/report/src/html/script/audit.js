// The threshold between unlearned and retrained models: dragged in the histogram, or moved by its slider.
(() => {
  const block = document.getElementById("audits");
  if (!block) return;
  const audits = JSON.parse(block.textContent);
  for (const part of document.querySelectorAll(".attack")) {
    const scores = audits[Number(part.dataset.place)];
    const [slider, said] = [part.querySelector("input[type=range]"), part.querySelector("output")];
    const [line, point] = [part.querySelector(".threshold"), part.querySelector(".point")];
    const of = (element, name) => Number(element.dataset[name]);
    const [low, high] = [of(line, "low"), of(line, "high")];
    const show = () => {
      const share = Number(slider.value) / Number(slider.max);
      const threshold = low + (high - low) * share;
      const above = (values) => values.filter((score) => score >= threshold).length;
      const [found, accused] = [above(scores.unlearned), above(scores.retrained)];
      const [ofFound, ofAccused] = [found / scores.unlearned.length, accused / scores.retrained.length];
      line.setAttribute("transform", `translate(${of(line, "left") + of(line, "span") * share} 0)`);
      const least = of(point, "least");
      const across = 1 - Math.log(Math.max(ofAccused, least)) / Math.log(least);
      const x = of(point, "left") + (of(point, "right") - of(point, "left")) * across;
      const y = of(point, "low") + (of(point, "high") - of(point, "low")) * ofFound;
      point.setAttribute("transform", `translate(${x} ${y})`);
      said.textContent =
        `Threshold ${threshold.toFixed(2)}: ${found} of ${scores.unlearned.length} unlearned models found, ` +
        `${accused} of ${scores.retrained.length} retrained ones accused, advantage ${(ofFound - ofAccused).toFixed(2)}.`;
      slider.setAttribute("aria-valuetext", said.textContent);
    };
    slider.addEventListener("input", show);
    const chart = line.ownerSVGElement;
    const drag = (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
      slider.value = Math.round(((x - of(line, "left")) / of(line, "span")) * Number(slider.max));
      show();
    };
    chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); drag(event); });
    chart.addEventListener("pointermove", (event) => { if (chart.hasPointerCapture(event.pointerId)) drag(event); });
    part.querySelector(".slider").hidden = false;
    show();
  }
})();
