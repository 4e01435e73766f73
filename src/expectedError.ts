/**
 * What is known to go wrong at times, and says so in words for a person: every failure that a floor names extends this.
 * It carries its facts as read-only fields. Anything else that is thrown is a mistake of ours, or of a library.
 */
export abstract class ExpectedError extends Error {}
