(function () {
  "use strict";
  var EVERY = 5000, PATIENCE = 8000;
  var live = document.getElementById("live");
  var form = document.querySelector("form");
  var good = Date.now(), asked = 0, busy = false;
  var address = new URL(location.href);

  // Times as the clocks here show them, unless another zone was asked for.
  if (!address.searchParams.get("zone")) {
    var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) address.searchParams.set("zone", zone);
  }

  function say(text) {
    if (!live || live.textContent === text) return;
    live.textContent = text;
    live.hidden = !text;
  }

  function selecting() {
    var chosen = getSelection();
    return chosen && !chosen.isCollapsed;
  }

  // Only what has changed, so that the focus and the place on the page stay.
  function take(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var main = document.querySelector("main"), news = fresh.querySelector("main");
    if (!form || !fresh.querySelector("form")) return location.reload();
    document.title = fresh.title;
    ["stand", "foot"].forEach(function (id) { swap(document.getElementById(id), fresh.getElementById(id)); });
    var names = Array.from(news.children, function (section) { return section.id; });
    Array.from(main.children).forEach(function (section) {
      if (names.indexOf(section.id) < 0) section.remove();
    });
    Array.from(news.children).forEach(function (section, number) {
      var old = document.getElementById(section.id);
      if (old) swap(old, section);
      else main.insertBefore(document.adoptNode(section), main.children[number] || null);
    });
  }

  function swap(old, fresh) {
    if (old.outerHTML !== fresh.outerHTML) old.replaceWith(document.adoptNode(fresh));
  }

  function failed() {
    if (Date.now() - good > PATIENCE) say("The operator does not answer. What stands here may be old; this page keeps asking.");
  }

  function ask() {
    if (busy || document.hidden || selecting()) return;
    busy = true;
    asked = Date.now();
    fetch(address, {cache: "no-store", credentials: "same-origin"}).then(function (answer) {
      // A replica that stands by; the next connection may reach the one that works.
      if (answer.status !== 200) { asked = Date.now() - EVERY + 500; return failed(); }
      return answer.text().then(function (text) { good = Date.now(); say(""); take(text); });
    }).catch(failed).finally(function () { busy = false; });
  }

  var field = form && form.elements.zone;
  if (field && field.value === "Etc/UTC" && address.searchParams.get("zone")) field.value = address.searchParams.get("zone");
  setInterval(function () { if (Date.now() - asked >= EVERY) ask(); }, 250);
  document.addEventListener("visibilitychange", ask);
  ask();
})();
