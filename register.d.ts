// Replaces the original's packages by this one: nothing to import.
export {}
