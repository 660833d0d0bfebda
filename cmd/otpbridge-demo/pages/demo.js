// Comfort only: counts the seconds down and fetches the next codes when they change.
"use strict";

let shown = [];
let fetchedAt = 0;

async function refresh() {
  try {
    const answer = await fetch("/phones/codes");
    shown = await answer.json();
    fetchedAt = Date.now();
  } catch {
    return; // the demo has ended
  }
  for (const { id, code } of shown) {
    const place = document.getElementById(id);
    if (place) place.textContent = code;
  }
}

function tick() {
  const gone = (Date.now() - fetchedAt) / 1000;
  for (const { id, left } of shown) {
    const place = document.getElementById(id + "-left");
    if (place) place.textContent = Math.max(0, Math.ceil(left - gone));
  }
  if (shown.some(({ left }) => gone >= left) || gone > 30) refresh();
}

refresh();
setInterval(tick, 1000);
