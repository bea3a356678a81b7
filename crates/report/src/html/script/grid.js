// The trade-off on one grid or the other.
(() => {
  for (const choice of document.querySelectorAll(".grids")) {
    const drawings = choice.parentElement.querySelectorAll(".on-grid");
    const buttons = [...choice.querySelectorAll("button")];
    const show = (shown) => buttons.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(place === shown));
      drawings[place].hidden = place !== shown;
    });
    buttons.forEach((button, place) => button.addEventListener("click", () => show(place)));
    choice.hidden = false;
    show(0);
  }
})();
