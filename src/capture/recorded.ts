/** Types of findings as records of any version hold them. */

/**
 * The recorded form of findings `T`. The digest covers the fields `K`; a missing one is `null`. Older
 * versions of lineaprint did not record all other fields; a missing one is left out.
 */
export type Recorded<T, K extends keyof T = never> = {
  readonly [P in K]: T[P] | null
} & { readonly [P in Exclude<keyof T, K>]?: T[P] }
