// Replaces the packages of the original by this one: there is nothing to import.
export {}
