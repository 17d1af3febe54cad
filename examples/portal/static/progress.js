// Show the start of a server, as the portal streams it.
const list = document.querySelector("#progress");
const source = new EventSource(list.dataset.source);

function add(text) {
  list.append(Object.assign(document.createElement("li"), { textContent: text }));
}

source.onopen = () => list.replaceChildren(); // also after the connection was lost
source.onmessage = (event) => {
  const { message, progress } = JSON.parse(event.data);
  add(progress === null ? message : `${progress} %: ${message}`);
};
source.addEventListener("ready", (event) => {
  source.close();
  const open = document.querySelector("#open");
  open.href = JSON.parse(event.data).address;
  open.hidden = false;
});
source.addEventListener("failed", (event) => {
  source.close();
  add(`Failed: ${JSON.parse(event.data).message}`);
});
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) add("The portal does not answer. Reload this page, or sign in again.");
};
