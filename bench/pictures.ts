/**
 * Pictures of every chart in a real VS Code, for people to look at: SqueezeNet and ResNet-18, in the four themes side by side.
 * `npm run bench -- pictures [squeezenet] [resnet18]` shows what `npm run build` left in dist/ and writes PNGs to
 * bench/output/pictures. Figures in them are of few samples and mean nothing.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openVsCode, themeNames, type Theme } from '../test/vscode/harness/openVsCode';
import type { VsCode } from '../test/vscode/harness/vsCode';
import { markdownPreview } from '../test/vscode/support/markdownPreview';
import { acceptFormats, ModelView } from '../test/vscode/support/modelView';
import { until } from '../test/vscode/support/until';
import { useTheme } from '../test/vscode/support/useTheme';
import { outputFolder } from './support/paths';
import { Album } from './support/pictures/album';
import { picturedModels, type PicturedModel } from './support/pictures/workspaces';
import { installBoth } from './support/view/installBoth';

const THEMES = Object.keys(themeNames) as Theme[];
const RUN_LIMIT_MS = 600_000;
/** Sections of the inspector that are closed at first. */
const CLOSED = [
  'Weight statistics',
  'Channels',
  'Error by channel',
  'Codes',
  'Codebook',
  'Heat map',
  'Graph',
];
const SPLIT = 'Clipping versus rounding';

const fileName = (title: string): string => title.toLowerCase().replaceAll(' ', '-');

/** Searches, so that there are plans to show and figures of schemes. */
async function search(vscode: VsCode): Promise<void> {
  await (await ModelView.shown(vscode)).button('Search Plan…').click();
  await vscode.quickInput.waitFor('What the plan must keep to');
  await vscode.quickInput.pick('File Size');
  await vscode.quickInput.waitFor('a size such as 1.5 MB');
  await vscode.quickInput.answer('20%');
  await acceptFormats(vscode);
  await vscode.dialogs.notification('Found a plan', RUN_LIMIT_MS);
  await vscode.command('Notifications: Clear All Notifications');
}

async function pictureEditor(vscode: VsCode, { layer }: PicturedModel, album: Album): Promise<void> {
  const { page } = vscode;
  const view = await ModelView.shown(vscode);
  const section = (name: string) => view.frame.getByRole('region', { name, exact: true });
  await view.frame.getByRole('switch', { name: 'Overview' }).click();
  await section('Plans').getByRole('button', { name: 'Plans', exact: true }).click();
  await view.layer(layer).locator('.cell.name').click();
  for (const name of CLOSED) {
    await section(name).getByRole('button', { name, exact: true }).click();
  }
  const settled = async (): Promise<void> =>
    until(
      'the inspector has its figures',
      async () => (await view.frame.locator('[aria-busy=true]').count()) === 0,
      60_000,
    );
  for (const theme of THEMES) {
    await useTheme(vscode, theme, view);
    await settled();
    await album.take('editor', page.locator('body'));
    for (const panel of ['Overview', 'Plans']) await album.take(fileName(panel), section(panel));
    for (const value of ['weight', 'input', 'output']) {
      await section(SPLIT).getByRole('radio', { name: value }).click();
      await settled();
      await album.take(`${fileName(SPLIT)}-${value}`, section(SPLIT));
    }
    for (const name of ['Schemes', ...CLOSED]) await album.take(fileName(name), section(name));
  }
}

async function pictureComparison(vscode: VsCode, album: Album): Promise<void> {
  await vscode.command('Roundoff: Compare With…');
  await vscode.quickInput.waitFor('Compare model.onnx With');
  await vscode.quickInput.pick('The Plan');
  await until(
    'the comparison',
    async () => (await (await vscode.view()).locator('.comparison .sample-details img').count()) > 0,
    RUN_LIMIT_MS,
  );
  const frame = await vscode.view();
  for (const theme of THEMES) {
    await useTheme(vscode, theme, { frame });
    await album.take('comparison', frame.locator('.comparison'));
    for (const name of ['Layers', 'Samples', 'Confusion by class', 'Output values']) {
      const part = frame.locator('section', { has: frame.locator('h2', { hasText: name }) }).first();
      await album.take(`comparison-${fileName(name)}`, part);
    }
  }
}

async function pictureReport(vscode: VsCode, album: Album): Promise<void> {
  await vscode.tab('model.onnx').click();
  const view = await ModelView.shown(vscode);
  await view.button('Write Report…').click();
  await vscode.quickInput.waitFor('Report of model.onnx');
  await vscode.quickInput.pick('model.report');
  await vscode.dialogs.notification('Wrote a report', RUN_LIMIT_MS);
  await vscode.dialogs.pressInNotification('Wrote a report', 'Open');
  for (const theme of THEMES) {
    await markdownPreview(vscode, 'model.onnx, quantized');
    await useTheme(vscode, theme);
    const frame = await markdownPreview(vscode, 'model.onnx, quantized');
    for (const [at, chart] of (await frame.locator('img').all()).entries()) {
      await album.take(`report-${at + 1}`, chart);
    }
  }
}

async function picture(model: PicturedModel, extensionsFolder: string): Promise<void> {
  const album = new Album(join(outputFolder, 'pictures', model.name));
  const vscode = await openVsCode({
    extensionsFolder,
    files: model.files,
    size: { width: 1500, height: 2000 },
  });
  try {
    await vscode.openFile('model.onnx');
    await search(vscode);
    await vscode.command('View: Toggle Primary Side Bar Visibility');
    await pictureEditor(vscode, model, album);
    await pictureComparison(vscode, album);
    await pictureReport(vscode, album);
    for (const error of vscode.viewErrors()) console.log(`Error in a view: ${error}`);
  } catch (error) {
    await vscode.screenshot(`pictures-${model.name}-failed`);
    throw error;
  } finally {
    for (const path of await album.write()) console.log(path);
    await vscode.close();
  }
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const models = (await picturedModels()).filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (models.length === 0) return;
  const { folder, extensions } = await installBoth();
  try {
    for (const model of models) await picture(model, extensions);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
