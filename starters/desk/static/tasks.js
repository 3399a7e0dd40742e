// Counts down how long a closing can still be undone, and takes the offer away when that is over.

const tick = () => {
  for (const offer of document.querySelectorAll("[data-until]")) {
    const left = Math.ceil((Date.parse(offer.dataset.until) - deskClock.nowFor(offer)) / 1000);
    if (left < 1) {
      offer.remove();
      continue;
    }
    offer.querySelector("[role=timer]").textContent = left === 1 ? "1 second left" : `${left} seconds left`;
  }
};

document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
tick();
setInterval(tick, 1000);
