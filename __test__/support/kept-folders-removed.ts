/** Runs before the tests of each file: the folders that they share are removed after the last of them. */
import { afterAll } from 'vitest'
import { removeKeptFolders } from './kept-folder.ts'

afterAll(removeKeptFolders)
