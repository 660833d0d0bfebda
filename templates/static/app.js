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

// A second press while the answer is under way would send the form twice.
for (const form of document.querySelectorAll("form")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 3000);
  });
}
