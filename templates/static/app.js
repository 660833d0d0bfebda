// Comfort only: every page works without this file.
"use strict";

// Buttons that need a script are hidden until it is here.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const status = document.getElementById(button.dataset.copy + "-copied");
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      const lines = [...source.querySelectorAll("li")].map((line) => line.textContent.trim());
      await navigator.clipboard.writeText(lines.join("\n") || source.textContent.replace(/\s+/g, ""));
      status.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// What a waiting page remembers is for waiting pages only: nothing stays in the browser after them.
if (!document.querySelector("main[data-live]")) {
  try { sessionStorage.clear(); } catch { /* switched off: then there is nothing */ }
}

// After a fault the focus goes to the summary.
document.getElementById("errors")?.focus();

// Limits are said before they come: what is to be said waits in a template for its time.
const notes = [...document.querySelectorAll("template[data-in]")].map((note) => ({ note, place: document.getElementById(note.dataset.into) }));
const arm = (n) => { n.at = Date.now() + n.note.dataset.in * 1000; };
notes.forEach(arm);
setInterval(() => {
  for (const n of notes) {
    if (Date.now() < n.at) continue;
    n.at = Infinity;
    n.place.replaceChildren(n.note.content.cloneNode(true));
  }
}, 1000);

// The session is not idle while a live page hears from the server (live.js), and one press keeps it when nothing is done.
const idle = notes.find((n) => "idle" in n.note.dataset);
if (idle) {
  const { note, place } = idle;
  document.addEventListener("alive", () => {
    if (idle.at === Infinity && place.querySelector("button")) place.replaceChildren();
    arm(idle);
  });
  place.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    const post = button.form && { method: "POST", body: new URLSearchParams(new FormData(button.form)) };
    const answer = await fetch(button.form?.action ?? "/", { cache: "no-store", ...post });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.getElementById("session")) {
      location.assign(location.pathname); // it is over
      return;
    }
    arm(idle);
    place.textContent = place.dataset.kept;
    place.focus();
  });
}

// A second press while the answer is under way would send the form twice.
for (const form of document.querySelectorAll("form")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 3000);
  });
}
