"use strict";
// Live tasks and uploads with progress; without this script pages load themselves again, and forms are sent as ever.

// An element with data-events shows the task whose events come from there.
const live = document.querySelector("[data-events]");
if (live) {
  const output = document.getElementById("task-output");
  const step = document.getElementById("task-step");
  const bar = live.querySelector("progress");
  const events = new EventSource(live.dataset.events);
  events.addEventListener("message", (event) => {
    const task = JSON.parse(event.data);
    if (task.from === 0) output.textContent = task.output;
    else output.append(task.output);
    document.querySelector("#task-state .badge").textContent = task.state;
    if (task.label && step.textContent !== task.label) step.textContent = task.label;
    if (task.total) {
      bar.max = task.total;
      bar.value = task.done;
    } else bar.removeAttribute("value");
    if (task.ended) {
      events.close();
      location.reload();
    }
  });
}

// A form with data-upload takes files that are dropped on it, and shows how much of them is sent.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const said = form.querySelector("[role=status]");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  let dragged = 0;

  const mark = () => form.classList.toggle("dragged", dragged > 0);
  form.addEventListener("dragenter", (event) => { event.preventDefault(); dragged += 1; mark(); });
  form.addEventListener("dragleave", () => { dragged -= 1; mark(); });
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    dragged = 0;
    mark();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    send();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  function send() {
    if (!input.files.length) {
      said.textContent = "Choose files first.";
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-Form-Token", form.elements.form_token.value);
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.hidden = false;
      bar.max = event.total;
      bar.value = event.loaded;
      const percent = Math.floor(100 * event.loaded / event.total);
      said.textContent = percent < 100 ? `${percent} % sent` : "Sent; the server stores the files.";
    });
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* a proxy has answered */ }
      if (answer.next) location.assign(answer.next);
      else fail(answer.error || `The server has answered with ${request.status}.`);
    });
    request.addEventListener("error", () => fail("The connection was lost. Send the files again."));
    request.send(new FormData(form));
    button.disabled = true;
  }

  function fail(text) {
    button.disabled = false;
    bar.hidden = true;
    said.textContent = text;
  }
}
