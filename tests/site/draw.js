// Reads fields as JSON from stdin, runs docs/try/page.js on each in a document of few elements, and writes what it draws.
"use strict";
require("../../docs/try/schedule.js");
const page = require("fs").readFileSync(require.resolve("../../docs/try/page.js"), "utf8");

class Element {
  constructor(name = "") {
    Object.assign(this, { name, children: [], attributes: {}, textContent: "", hidden: false, namespaceURI: "", clientWidth: 600 });
  }
  appendChild(child) {
    this.children.push(child);
    return child;
  }
  setAttribute(key, value) {
    this.attributes[key] = value;
  }
  replaceChildren() {
    this.children = [];
  }
  addEventListener() {}
}

const questions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const results = questions.map((fields) => {
  const elements = {};
  const found = (id) => (elements[id] ??= new Element());
  const inputs = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Object.assign(new Element(), { name, value })]));
  Object.assign(found("try-form"), { elements: inputs, querySelectorAll: () => Object.values(inputs) });
  globalThis.document = { getElementById: found, createElementNS: (_, name) => new Element(name) };
  globalThis.FormData = class {
    [Symbol.iterator] = () => Object.entries(fields)[Symbol.iterator]();
  };
  globalThis.ResizeObserver = class {
    observe() {}
  };
  new Function(page)();
  const [svg] = found("try-curve").children;
  const drawn = (name) => (svg ? svg.children.filter((child) => child.name === name) : []);
  const grid = drawn("line").filter(({ attributes }) => attributes.class === "grid");
  return {
    points: drawn("polyline").map(({ attributes }) => attributes.points),
    rates: grid.filter(({ attributes }) => attributes.y1 === attributes.y2).map(({ attributes }) => attributes.y1),
    labels: drawn("text").map(({ textContent }) => textContent),
  };
});
process.stdout.write(JSON.stringify(results));
