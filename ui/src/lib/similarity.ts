/** Cosine of every pair of unit-length vectors: shape `[vectors.length][vectors.length]`. */
export function similarities(vectors: readonly (readonly number[])[]): number[][] {
  return vectors.map((one) => vectors.map((other) => one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0)));
}

/** Steps of the heat map's colors. */
export const LEVELS = 10;

/** The pairs above the diagonal. */
function pairs(matrix: readonly (readonly number[])[]): { row: number; column: number; value: number }[] {
  return matrix.flatMap((values, row) =>
    values.flatMap((value, column) => (column > row ? [{ row, column, value }] : [])),
  );
}

/** The color step of each value, 0 to `LEVELS - 1`, spread over the values off the diagonal. */
export function heatLevels(matrix: readonly (readonly number[])[]): number[][] {
  const values = pairs(matrix).map((pair) => pair.value);
  const least = Math.min(...values);
  const span = Math.max(...values) - least;
  return matrix.map((row) =>
    row.map((value) => {
      const share = span > 0 ? (value - least) / span : 1;
      return Math.min(LEVELS - 1, Math.max(0, Math.floor(share * LEVELS)));
    }),
  );
}

/** The pair that is most alike; `null` for fewer than two. */
export function nearestPair(matrix: readonly (readonly number[])[]): { row: number; column: number; value: number } | null {
  return pairs(matrix).reduce<{ row: number; column: number; value: number } | null>(
    (best, pair) => (best === null || pair.value > best.value ? pair : best),
    null,
  );
}

/** Lines that are not blank, trimmed. */
export function sentences(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
