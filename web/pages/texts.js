// The texts of the page in its language. The server has rendered them into the page.

const texts = JSON.parse(document.getElementById("texts").textContent);

export const language = document.documentElement.lang;
const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);

/** @param {string} key */
export const hasText = (key) => Object.hasOwn(texts, key);

/**
 * The text with this key. `{name}` stands for `values.name`, and `values.count` chooses among plural forms.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  const form = typeof text === "string" ? text : (text[plural.select(values.count)] ?? text.other);
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number.format(value) : value;
  });
}
