/** Follows a reference in the document. */
function resolve(spec, schema = {}) {
  if (!schema.$ref) return schema;
  const path = schema.$ref.slice(2).split("/");
  return resolve(spec, path.reduce((value, key) => value[key], spec));
}

/** The schemas that a value can have, without `null`. */
function alternatives(spec, schema) {
  const { oneOf, ...own } = resolve(spec, schema);
  return oneOf ? oneOf.flatMap((one) => alternatives(spec, one)) : own.type === "null" ? [] : [own];
}

function typeName(spec, schema) {
  const names = alternatives(spec, schema).map(({ type, items, format }) => {
    const kinds = [type].flat().filter((kind) => kind && kind !== "null");
    if (kinds.includes("array")) return `array of ${typeName(spec, items)}`;
    return format ? `${kinds.join(" or ")} (${format})` : kinds.join(" or ");
  });
  return [...new Set(names)].join(" or ") || "any";
}

/** The members of a JSON body: name, type, whether it is required, and description. */
export function members(spec, { content }) {
  const rows = new Map();
  for (const { properties = {}, required = [] } of alternatives(spec, content["application/json"].schema)) {
    for (const [name, schema] of Object.entries(properties)) {
      const { description = resolve(spec, schema).description ?? "" } = schema;
      const values = alternatives(spec, schema).flatMap((one) => one.enum ?? []).filter((value) => value !== null);
      const listed = values.length > 0 ? ` One of ${values.map((value) => `\`${value}\``).join(", ")}.` : "";
      const known = rows.get(name);
      const type = known?.[1] || typeName(spec, schema);
      rows.set(name, [name, type, required.includes(name) && (known?.[2] ?? true), description + listed]);
    }
  }
  return [...rows.values()];
}

/** The example of a media type. */
export const example = ({ example, examples }) => example ?? Object.values(examples ?? {})[0]?.value;

/** The example of a request's body, or an empty object. */
export const describeBody = ({ content }) => example(content["application/json"]) ?? {};
