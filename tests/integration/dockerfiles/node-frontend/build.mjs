import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const out = process.argv[2];
const hashed = (name, text) => {
  const [stem, ending] = name.split(".");
  return `${stem}.${createHash("sha256").update(text).digest("hex").slice(0, 8)}.${ending}`;
};
const code = readdirSync("src")
  .filter((name) => name.endsWith(".js"))
  .sort()
  .map((name) => `(() => {${readFileSync(`src/${name}`, "utf8")}})();`)
  .join("\n")
  .replaceAll("__API_URL__", JSON.stringify(process.env.API_URL));
const style = readFileSync("src/style.css", "utf8").replace(/\s+/g, " ");
const [script, sheet] = [hashed("app.js", code), hashed("style.css", style)];
mkdirSync(out, { recursive: true });
writeFileSync(`${out}/${script}`, code);
writeFileSync(`${out}/${script}.gz`, gzipSync(code));
writeFileSync(`${out}/${sheet}`, style);
const page = readFileSync("src/index.html", "utf8").replace("%SCRIPT%", script).replace("%STYLE%", sheet);
writeFileSync(`${out}/index.html`, page);
console.log([script, sheet, "index.html"].join("\n"));
