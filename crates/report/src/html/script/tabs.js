// Sections become tabs: one is shown, arrow keys move, the address remembers. On paper all are shown.
(() => {
  const bar = document.getElementById("tabs");
  const links = [...bar.querySelectorAll("a")];
  const panels = links.map((link) => document.getElementById(link.hash.slice(1)));
  bar.setAttribute("role", "tablist");
  document.body.classList.add("tabbed");
  links.forEach((link, place) => {
    link.setAttribute("role", "tab");
    link.id = "tab-" + panels[place].id;
    link.setAttribute("aria-controls", panels[place].id);
    panels[place].setAttribute("role", "tabpanel");
    panels[place].setAttribute("aria-labelledby", link.id);
  });
  const show = (shown) => links.forEach((link, place) => {
    link.setAttribute("aria-selected", String(place === shown));
    link.tabIndex = place === shown ? 0 : -1;
    panels[place].classList.toggle("shown", place === shown);
  });
  const asked = () => links.findIndex((link) => link.hash === location.hash);
  const go = (place) => {
    show(place);
    // Replaced, not pushed: going back leaves the report.
    history.replaceState(null, "", links[place].hash);
  };
  links.forEach((link, place) => {
    link.addEventListener("click", (event) => { event.preventDefault(); go(place); });
    link.addEventListener("keydown", (event) => {
      const last = links.length - 1;
      const next = { ArrowRight: place === last ? 0 : place + 1, ArrowLeft: place === 0 ? last : place - 1, Home: 0, End: last }[event.key];
      if (next === undefined && event.key !== " ") return;
      event.preventDefault();
      go(next ?? place);
      links[next ?? place].focus();
    });
  });
  addEventListener("hashchange", () => { if (asked() >= 0) show(asked()); });
  show(Math.max(asked(), 0));
})();
