// What the console does better with a script. Every page works without one.
"use strict";

// An element with data-poll is fetched anew while it says data-live; when that ends, the page is loaded once more,
// so that its buttons fit the new state.
function poll(element) {
  const wait = Number(element.dataset.every || 1000);
  async function look() {
    try {
      const answer = await fetch(element.dataset.poll, { headers: { Accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        // The session is over: the page itself leads to the sign-in, and back here.
        location.reload();
        return;
      }
      if (answer.ok) {
        element.innerHTML = await answer.text();
        const state = element.querySelector("[data-status]");
        if (state && state.dataset.status !== element.dataset.status) {
          location.replace(location.pathname);
          return;
        }
      }
    } catch {
      // The server is away for a moment: the next look may find it.
    }
    setTimeout(look, document.hidden ? wait * 5 : wait);
  }
  setTimeout(look, wait);
}

// The number of people that the ticked lists reach together.
function estimate(form) {
  const target = document.getElementById(form.dataset.estimate);
  form.addEventListener("change", async (event) => {
    if (event.target.name !== "lists") return;
    const ticked = new URLSearchParams(new FormData(form));
    const lists = new URLSearchParams(ticked.getAll("lists").map((slug) => ["lists", slug]));
    const answer = await fetch("/admin/issues/estimate?" + lists, { redirect: "error" });
    if (answer.ok) target.innerHTML = await answer.text();
  });
}

// A form is sent once, however often its button is pressed.
function sendOnce(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

document.querySelectorAll("[data-poll]").forEach(poll);
document.querySelectorAll("form[data-estimate]").forEach(estimate);
document.querySelectorAll("form[method=post]").forEach(sendOnce);
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
