fetch("/visitor")
  .then((answer) => answer.text())
  .then((text) => {
    document.querySelector("#number").textContent = text;
  });
