/** What is said to somebody, or to the world. */
export function greeting(word: string, name: string | null): string {
  return `${word}, ${name ?? "World"}!\n`;
}
