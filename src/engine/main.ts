/** Entry of the engine process: see client.ts for the other side. */
import { serveParentProcess } from './processEntry';
import { createService } from './service';

serveParentProcess(createService());
