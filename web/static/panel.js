// What makes the pages pleasant; every page works without it. Elements ask for behaviour by data attributes, so that
// no page has script of its own (the Content-Security-Policy would not run it).
"use strict";

// <form data-once>: a second click sends nothing twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") {
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  }
});

// <input type="checkbox" data-all="name">: ticks all boxes of that name.
document.addEventListener("change", (event) => {
  const name = event.target.dataset.all;
  if (name) {
    for (const box of document.querySelectorAll(`input[type=checkbox][name="${name}"]`)) box.checked = event.target.checked;
  }
  if (event.target.dataset.go !== undefined) event.target.form.submit();
  count();
});

// <span data-count="name">: how many boxes of that name are ticked.
function count() {
  for (const place of document.querySelectorAll("[data-count]")) {
    const ticked = document.querySelectorAll(`input[type=checkbox][name="${place.dataset.count}"]:checked`).length;
    place.textContent = ticked;
    const group = place.closest("[data-when-ticked]");
    if (group) group.hidden = ticked === 0;
  }
}

// <button type="button" data-copy="#id">: copies a text. <button data-toggle="#id">: shows a password.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-toggle], [data-print]");
  if (!button) return;
  if (button.dataset.print !== undefined) { window.print(); return; }
  const target = document.querySelector(button.dataset.copy || button.dataset.toggle);
  if (button.dataset.toggle) {
    const hidden = target.type === "password";
    target.type = hidden ? "text" : "password";
    button.setAttribute("aria-pressed", String(hidden));
    return;
  }
  await navigator.clipboard.writeText("value" in target ? target.value : target.textContent.trim());
  const before = button.textContent;
  button.textContent = button.dataset.done || before;
  setTimeout(() => { button.textContent = before; }, 1500);
});

for (const element of document.querySelectorAll("[data-with-script]")) element.hidden = false;
count();

// Of tabs that do not fit beside one another the one that is open is seen.
for (const tab of document.querySelectorAll(".tabs a[aria-current]")) tab.scrollIntoView({ block: "nearest", inline: "center" });

// <p data-strength="field">: how hard the password in that field is to guess, as the server says.
for (const place of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(place.dataset.strength);
  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      place.hidden = field.value === "";
      if (place.hidden) return;
      const body = new URLSearchParams({ csrf: place.dataset.csrf, password: field.value });
      const answer = await fetch("/strength", { method: "POST", body });
      if (!answer.ok) return;
      const found = await answer.json();
      place.querySelector("meter").value = found.level;
      place.querySelector("b").textContent = found.text;
      place.dataset.enough = found.enough;
    }, 250);
  });
}

// <div data-progress="/…/state">: work in the background; the page comes anew when it is done.
for (const place of document.querySelectorAll("[data-progress]")) {
  const look = async () => {
    const answer = await fetch(place.dataset.progress);
    if (!answer.ok) return;
    const job = await answer.json();
    place.querySelector("progress").value = job.done;
    place.querySelector("[data-done]").textContent = job.text;
    if (job.ended) location.reload();
    else setTimeout(look, 700);
  };
  setTimeout(look, 400);
}
