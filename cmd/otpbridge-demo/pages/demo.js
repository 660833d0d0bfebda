// Comfort only: keeps the codes of the phones fresh, and shows mails that come while the mailbox is open.
"use strict";

let shown = [];
let fetchedAt = 0;

async function ask(path) {
  try {
    return await (await fetch(path)).json();
  } catch {
    return undefined; // the demo has ended
  }
}

async function refreshCodes() {
  fetchedAt = Date.now();
  shown = (await ask("/phones/codes")) ?? shown;
  for (const { id, code } of shown) {
    const place = document.getElementById(id);
    if (place) place.textContent = code;
  }
}

function countDown() {
  const gone = (Date.now() - fetchedAt) / 1000;
  for (const { id, left } of shown) {
    const place = document.getElementById(id + "-left");
    if (place) place.textContent = Math.max(0, Math.ceil(left - gone));
  }
  if (shown.some(({ left }) => gone >= left)) refreshCodes();
}

async function lookForMail(mailbox) {
  const count = await ask("/mail/count");
  if (count !== undefined && count !== Number(mailbox.dataset.count)) location.reload();
}

const mailbox = document.getElementById("mailbox");
if (mailbox) {
  setInterval(() => lookForMail(mailbox), 2000);
} else {
  refreshCodes();
  setInterval(countDown, 1000);
}
