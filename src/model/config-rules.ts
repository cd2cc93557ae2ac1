/**
 * Configuration keys that do not change a model's architecture, as listed in `docs/format.md`. Both lists are
 * part of the definition of the `architecture` digest: a change here is a new version of that kind.
 */
export const CONFIG_RULES: { readonly ignoredKeys: readonly string[]; readonly sets: readonly string[] } = {
  /** Removed at every depth. */
  ignoredKeys: [
    '_name_or_path',
    'name_or_path',
    'base_model_name_or_path',
    '_commit_hash',
    'transformers_version',
    '_diffusers_version',
    'torch_dtype',
    'dtype',
  ],
  /** Arrays whose order has no meaning. */
  sets: ['target_modules', 'modules_to_save', 'exclude_modules'],
}
