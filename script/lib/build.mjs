// Build static/dist: every static/src/*.js and *.css is bundled, folders below hold modules; icons become one sprite.
// usage: node script/lib/build.mjs [SOURCE TARGET]       (both default to static/)
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const ICONS = join(ROOT, "node_modules/@tabler/icons/icons");
/** Files that are taken as they are. */
const COPIED = /\.(svg|png|ico|webp|webmanifest)$/;

/** Names of the files right in a folder that match. */
async function filesIn(folder, pattern) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && pattern.test(entry.name)).map((entry) => entry.name).sort();
}

async function bundle(source, target) {
  const names = await filesIn(source, /(?<!\.d)\.(js|css)$/);
  if (names.length === 0) return;
  await build({
    absWorkingDir: ROOT,
    entryPoints: names.map((name) => join(source, name)),
    outdir: target,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    // Not "linked": a comment naming a map makes Django's manifest storage look for it.
    sourcemap: "external",
    chunkNames: "chunks/[name]-[hash]",
    assetNames: "assets/[name]-[hash]",
    loader: { ".woff": "file", ".woff2": "file", ".svg": "file", ".png": "file" },
    legalComments: "linked",
    nodePaths: [join(ROOT, "node_modules")],
    logLevel: "warning",
  });
}

/** The symbol of one icon: "name" is an outline, "filled/name" a filled one. */
async function symbol(line) {
  const isFilled = line.startsWith("filled/");
  const name = line.replace("filled/", "");
  const file = join(ICONS, isFilled ? "filled" : "outline", `${name}.svg`);
  if (!existsSync(file)) throw new Error(`static/src/icons.txt: there is no icon "${line}"`);
  const svg = await readFile(file, "utf8");
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  const paint = isFilled
    ? 'fill="currentColor"'
    : 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"';
  const id = `tabler-${name}${isFilled ? "-filled" : ""}`;
  return `<symbol id="${id}" viewBox="0 0 24 24" ${paint}>${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

async function sprite(source, target) {
  const list = join(source, "icons.txt");
  if (!existsSync(list)) return;
  const lines = (await readFile(list, "utf8")).split("\n").map((line) => line.replace(/#.*/, "").trim());
  const symbols = await Promise.all([...new Set(lines.filter(Boolean))].sort().map(symbol));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
  await writeFile(join(target, "icons.svg"), svg);
}

/** Put a smaller .gz beside every text, which WhiteNoise sends to browsers that take it. */
async function compress(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !/\.(js|css|svg)$/.test(entry.name)) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const text = await readFile(path);
    const small = gzipSync(text, { level: 9 });
    if (small.length < text.length * 0.9) await writeFile(`${path}.gz`, small);
  }
}

async function main(source, target) {
  // Built beside and swapped in, so that a page never meets half of a build and no old chunk stays.
  const fresh = `${target}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  if (existsSync(source)) {
    await bundle(source, fresh);
    await sprite(source, fresh);
    for (const name of await filesIn(source, COPIED)) await cp(join(source, name), join(fresh, name));
  }
  await compress(fresh);
  await rm(target, { recursive: true, force: true });
  await rename(fresh, target);
}

const [source = "static/src", target = "static/dist"] = process.argv.slice(2);
try {
  await main(resolve(ROOT, source), resolve(ROOT, target));
} catch (error) {
  // esbuild has printed its own messages already.
  if (!error.errors) console.error(String(error.message));
  process.exitCode = 1;
}
