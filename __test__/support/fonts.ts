/** Fonts of this system, with which texts of a PNG are drawn. */
import { existsSync, readdirSync } from 'node:fs'

/** True if the system has fonts; macOS and Windows always do. */
export const HAS_FONTS: boolean =
  process.platform !== 'linux' ||
  ['/usr/share/fonts', '/usr/local/share/fonts'].some(
    (folder) =>
      existsSync(folder) &&
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) =>
        /\.(?:ttf|otf|ttc)$/.test(name),
      ),
  )
