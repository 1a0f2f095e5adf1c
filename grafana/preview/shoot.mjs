// Takes one picture: node shoot.mjs CHROMIUM ADDRESS PNG WIDTH; exit code 1 names what could not be drawn.

import { writeFile } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { reduced } from './palette.mjs';

const [executablePath, address, path, width] = process.argv.slice(2);
const DRAWN_TIMEOUT_MS = 30_000;
const QUIET_MS = 700; // charts are drawn one frame after their data arrives

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--force-color-profile=srgb'],
});
const failures = [];
try {
  const page = await browser.newPage({ viewport: { width: Number(width), height: 1000 } });
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('console', (message) => message.type() === 'error' && failures.push(`${message.text()} ${message.location().url}`));
  await page.goto(address);
  await page.waitForFunction(() => window.settled?.(), null, { timeout: DRAWN_TIMEOUT_MS });
  const height = await page.evaluate(() => document.getElementById('root').getBoundingClientRect().bottom);
  await page.setViewportSize({ width: Number(width), height: Math.ceil(height) + 12 });
  await page.waitForTimeout(QUIET_MS);
  await writeFile(path, reduced(await page.screenshot()));
  failures.push(...(await page.evaluate(() => window.failures)));
} finally {
  await browser.close();
}
for (const failure of failures) {
  console.error(failure);
}
process.exit(failures.length > 0 ? 1 : 0);
