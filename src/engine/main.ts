/** Entry of the engine process: see client.ts for the other side. */
import { PEAK_MEMORY_ARGUMENT, servePeakMemory } from './peakMemory';
import { serveParentProcess } from './processEntry';
import { engineService } from './service';

if (process.argv.includes(PEAK_MEMORY_ARGUMENT)) servePeakMemory();
else serveParentProcess(engineService);
