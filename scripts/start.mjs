// `npm start`: set up, and demonstrate the main features on real input.
import { run, setup } from './setup.mjs'

setup()
run('node', ['examples/iris/first-look.ts'])
