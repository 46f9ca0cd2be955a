// One line per check, a count at the end.
import { isDeepStrictEqual, inspect } from "node:util";

let passed = 0;
let failed = 0;

export function equal(got, wanted) {
  if (isDeepStrictEqual(got, wanted)) return;
  const short = (x) => inspect(x).slice(0, 200);
  throw new Error(`got ${short(got)}, wanted ${short(wanted)}`);
}

export async function check(name, body) {
  const limit = 60_000;
  let timer;
  const late = new Promise((_, no) => {
    timer = setTimeout(() => no(new Error(`no end after ${limit / 1000} s`)), limit);
  });
  try {
    await Promise.race([body(), late]);
    passed += 1;
    console.log(`ok     ${name}`);
  } catch (e) {
    failed += 1;
    console.log(`FAILED ${name}: ${e.message}`);
  } finally {
    clearTimeout(timer);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
