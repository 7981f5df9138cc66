export const byId = (id) => document.getElementById(id);

/** Creates an element with properties and children. Texts are never parsed as HTML. */
export function create(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Appends children or lists of children. */
export const append = (element, ...children) => element.append(...children.flat());

/** Splits a text at its backticks: `code` becomes an element. */
export function text(source) {
  return source.split("`").map((part, index) => (index % 2 === 1 ? create("code", {}, part) : part));
}
