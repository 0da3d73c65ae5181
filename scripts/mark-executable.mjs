// npm makes `bin` files executable when it installs them from a registry; a checkout has to do it itself.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755);
