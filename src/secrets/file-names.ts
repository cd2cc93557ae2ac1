/** Names of files made to hold secrets. They are listed and hashed, but not copied into a run. */

const SECRET_FILES = [
  /^\.env(?:\.(?!example$|sample$|template$|dist$)[^/]*)?$/,
  /^\.?(?:netrc|npmrc|pypirc|git-credentials|pgpass|htpasswd|dockercfg|s3cfg|boto|vault-token)$/,
  /^_netrc$/,
  /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)$/,
  /^(?:kaggle|credentials?|client_secrets?|service[-_]account[^/]*|secrets?)\.(?:json|ya?ml|toml|ini|csv|txt)$/,
  /^(?:credentials?|secrets?)$/,
]

/** Check whether the last segment of a path is a name commonly used for secrets. */
export function isSecretFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  return SECRET_FILES.some((pattern) => pattern.test(name))
}
