// Every operation of the three services, in one program: the modules register their tests, and at the end the
// record of what was seen is written down.
import { after } from 'node:test';
import { report } from './kit.mjs';

after(report);
for (const name of process.argv.slice(2)) await import(`./${name}.mjs`);
