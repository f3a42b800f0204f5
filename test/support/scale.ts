/** `npm run test:long` runs the same tests at full size; `npm test` a tenth of it. */
export const isFullSize: boolean = process.env['TRUNKD_TEST_SCALE'] === 'full';

/** The full size, or a tenth of it. */
export function scaled(fullSize: number): number {
  return isFullSize ? fullSize : Math.ceil(fullSize / 10);
}

/** Seeds to run with: one given by the environment, or as many as asked. */
export function seeds(count: number): number[] {
  const given = process.env['TRUNKD_TEST_SEED'];
  if (given !== undefined) return [Number(given)];
  return Array.from({ length: count }, (_, index) => 1000 + index);
}
