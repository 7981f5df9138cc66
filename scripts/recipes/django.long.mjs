// The API of the recipe for Django, in a project that django-admin creates.
import { execFile } from "node:child_process";
import { appendFile, copyFile, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { testApi } from "./api.mjs";
import { writeFiles } from "./page.mjs";

const bin = join(process.env.PYTHON_LONG_FOLDER, "bin");
const docs = new URL("../../docs/", import.meta.url);

testApi("django", [join(bin, "python3"), "manage.py", "runserver", "--noreload", "{port}"], { prepare, newKey: true });

/** django-admin requires an empty folder. */
async function prepare(folder) {
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await promisify(execFile)(join(bin, "django-admin"), ["startproject", "hello", "."], { cwd: folder });
  const page = await readFile(new URL("recipes/django.md", docs), "utf8");
  const [, settings] = /^```python\n# hello\/settings\.py, at the end\n(.*?)^```$/ms.exec(page);
  await appendFile(join(folder, "hello/settings.py"), settings);
  await copyFile(new URL("consumers/with_pyjwt.py", docs), join(folder, "hello/verify.py"));
  await writeFiles("django", folder);
}
