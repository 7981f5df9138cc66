// Accessibility problems that axe finds.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * The violations of axe's rules in the page, one text per element.
 *
 * @param {string[]} [runOnly] ids of rules; without it, all rules
 */
export async function violations(page, runOnly) {
  // Evaluated by the debugger: the policy of the pages forbids other scripts.
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
  const options = { resultTypes: ["violations"], ...(runOnly && { runOnly }) };
  const found = await page.evaluate(async (options) => (await axe.run(options)).violations, options);
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}
