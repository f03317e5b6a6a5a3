// Makes acorn.js and sucrase.js, one minified file each with its licence on top, in the directory given.
// usage: node bundle.mjs DIRECTORY   (with node_modules beside this file)
import {readFileSync} from 'node:fs';
import {build} from 'esbuild';

const target = process.argv[2];
const entries = {acorn: 'export {parse} from "acorn"', sucrase: 'export {transform} from "sucrase"'};
const licences = {acorn: ['acorn'], sucrase: ['sucrase', '@jridgewell/gen-mapping', 'lines-and-columns', 'ts-interface-checker']};

for (const [name, contents] of Object.entries(entries)) {
  const result = await build({
    stdin: {contents, resolveDir: import.meta.dirname ?? new URL('.', import.meta.url).pathname},
    bundle: true, minify: true, platform: 'node', target: 'node18', format: 'cjs', charset: 'utf8', metafile: true,
    legalComments: 'none', outfile: `${target}/${name}.js`, logLevel: 'warning',
    banner: {js: licences[name].map((each) => {
      const text = readFileSync(new URL(`node_modules/${each}/LICENSE`, import.meta.url), 'utf8');
      return `/* ${each}\n${text.trim().replaceAll('*/', '* /')}\n*/`;
    }).join('\n')},
  });
  // Whatever else gets into a bundle needs its licence there too.
  const packages = new Set(Object.keys(result.metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]));
  packages.delete(undefined);
  for (const each of packages)
    if (!licences[name].includes(each) && !each.startsWith('@jridgewell/')) throw new Error(`${name}: no licence for ${each}`);
}
