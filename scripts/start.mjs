// `npm start`: sets up and shows the main job on real input.
import { run, setup } from './setup.mjs'

setup()
run('node', ['examples/iris/first-look.ts'])
