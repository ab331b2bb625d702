/** What the API keeps. */
export interface Note {
  text: string;
  tags: string[];
}

/** A note from JSON; undefined when it is none. */
export function parseNote(json: string): Note | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { text, tags = [] } = value as Partial<Note>;
  const isList = Array.isArray(tags) && tags.every((tag) => typeof tag === "string");
  return typeof text === "string" && isList ? { text, tags } : undefined;
}
