export interface Note {
  id: number;
  text: string;
}

const list: readonly Note[] = [
  { id: 1, text: "bundled <without> Node" },
  { id: 2, text: "typed & checked" },
];

export const notes = {
  all: (): readonly Note[] => list,
  find: (id: number): Note | undefined => list.find((note) => note.id === id),
};
