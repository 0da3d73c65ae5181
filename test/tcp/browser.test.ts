import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { expect, test } from 'vitest';
import { forwardPort } from '../../src/client/index.js';
import { atEnd, scratchDirectory, startBinary } from '../harness/index.js';
import { refusingPort } from '../http/origins.js';
import { connect } from './places.js';

const browser = findBrowser(['chromium-headless-shell', 'chromium', 'google-chrome']);

test.skipIf(!browser)(
  `a browser loads the page of a dev server through a forwarded port, and sees each change of its files${browser ? '' : ': no Chromium in PATH'}`,
  { timeout: 60_000 },
  async () => {
    const folder = scratchDirectory();
    const shows = (text: string) =>
      writeFileSync(join(folder, 'text.js'), `export const text = ${JSON.stringify(text)};`);
    writeFileSync(join(folder, 'index.html'), '<!doctype html><body><script type="module" src="/main.js"></script>');
    writeFileSync(join(folder, 'main.js'), `import { text } from './text.js'; document.body.textContent = text;`);
    shows('first');
    const devPort = await startDevServer(folder);

    const { tcp } = await connect((await startBinary()).url);
    const forward = await forwardPort(tcp, { to: { host: '127.0.0.1', port: devPort } });
    atEnd(() => forward.close());

    const chrome = await chromium.launch({ executablePath: browser ?? '', args: ['--no-sandbox'] });
    atEnd(() => chrome.close());
    const page = await chrome.newPage();
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await page.goto(`http://127.0.0.1:${forward.address.port}/`);
    const says = (text: string) => page.waitForFunction(`document.body.textContent === '${text}'`);
    await says('first');
    for (const text of ['second', 'third']) {
      shows(text);
      await says(text);
    }
    // One for each load of the page, and none beside the forwarded port.
    expect(sockets.length).toBeGreaterThanOrEqual(3);
    for (const url of sockets) expect(new URL(url).port).toBe(String(forward.address.port));
  },
);

/** Vite, with live reload. Resolves with its port. */
async function startDevServer(root: string): Promise<number> {
  const port = await refusingPort();
  const server = await createServer({
    root,
    cacheDir: join(root, '.cache'),
    configFile: false,
    logLevel: 'silent',
    server: { host: '127.0.0.1', port, strictPort: true },
  });
  atEnd(() => server.close());
  await server.listen();
  return port;
}

function findBrowser(names: readonly string[]): string | undefined {
  const paths = names.flatMap((name) => (process.env.PATH ?? '').split(':').map((folder) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false; // that is the answer
    }
  });
}
