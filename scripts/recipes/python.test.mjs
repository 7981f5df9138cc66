// The APIs of the recipes in Python.
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { testApi } from "./api.mjs";

const python = join(process.env.PYTHON_FOLDER, "bin/python3");
const verify = new URL("../../docs/consumers/with_pyjwt.py", import.meta.url);
const prepare = (folder) => copyFile(verify, join(folder, "verify.py"));

testApi("fastapi", [python, "-m", "uvicorn", "main:app", "--port", "{port}"], { prepare });
testApi("flask", [python, "-m", "flask", "run", "--port", "{port}"], { prepare });
